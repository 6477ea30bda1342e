import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { FlowAnswer } from '../explain/answer.ts';
import type { WalkJson } from '../explain/json.ts';
import type { Line } from '../explain/lines.ts';
import type { CanonicalEntry } from '../plan/canonical.ts';
import { flowsRoutes } from './flows-routes.ts';
import type { FlowsView } from './flows-view.ts';
import { AGENT_SOCKET } from './socket-address.ts';
import type { AgentStatus } from './status.ts';

/** What the API asks of the agent. */
export interface AgentView {
  status(): AgentStatus;
  entries(): readonly CanonicalEntry[];
  /** What happens to the packet of the query's `from`, `to`, `proto` and `port`, as `knat explain -o json` prints it. */
  explain(query: Readonly<Record<string, string>>): WalkJson;
  /** The same as lines for a terminal. */
  describe(query: Readonly<Record<string, string>>): readonly Line[];
  /** The answers to a list of flows, as `knat explain --flows FILE -o json` prints them. */
  flows(flows: unknown): readonly FlowAnswer[];
  /** What is read of conntrack; null where nobody reads it. */
  readonly conntrack: FlowsView | null;
}

/** Another agent answers in this network namespace. */
export class AgentRunning extends Error {
  readonly code = 'KNAT_AGENT_RUNNING';
  override readonly name = 'AgentRunning';
  constructor() {
    super('another knat agent works in this network namespace already');
  }
}

/** Serves the view on the agent's socket, which is also the lock of this network namespace. */
export async function serveAgent(view: AgentView): Promise<Server> {
  const app = new Hono();
  app.get('/v1/status', (context) => context.json(view.status()));
  app.get('/v1/entries', (context) => context.json(view.entries()));
  app.get('/v1/explain', (context) => context.json(view.explain(context.req.query())));
  app.get('/v1/describe', (context) => context.json(view.describe(context.req.query())));
  app.post('/v1/flows', async (context) => context.json(view.flows(await context.req.json())));
  if (view.conntrack !== null) flowsRoutes(app, view.conntrack);
  app.onError((error, context) => {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'KNAT_INTERNAL';
    const details = 'details' in error ? error.details : [];
    return context.json({ code, message: error.message, details }, code === 'KNAT_INVALID_INPUT' ? 400 : 500);
  });
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new AgentRunning() : error);
    });
    server.listen(AGENT_SOCKET, resolve);
  });
  return server;
}
