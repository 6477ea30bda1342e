import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { CanonicalEntry } from '../plan/canonical.ts';
import { AGENT_SOCKET } from './socket-address.ts';
import type { AgentStatus } from './status.ts';

/** What the API asks of the agent. */
export interface AgentView {
  status(): AgentStatus;
  entries(): readonly CanonicalEntry[];
  /** The answer to "what happens to this packet", as `knat explain -o json` prints it. */
  explain(query: Readonly<Record<string, string>>): unknown;
}

/** Another agent answers in this network namespace. */
export class AgentRunning extends Error {
  readonly code = 'KNAT_AGENT_RUNNING';
  override readonly name = 'AgentRunning';
  constructor() {
    super('another knat agent works in this network namespace; stop it first (knat status shows it)');
  }
}

/** Serves the view on the agent's socket, which is also the lock of this network namespace. */
export async function serveAgent(view: AgentView): Promise<Server> {
  const app = new Hono();
  app.get('/v1/status', (context) => context.json(view.status()));
  app.get('/v1/entries', (context) => context.json(view.entries()));
  app.get('/v1/explain', (context) => context.json(view.explain(context.req.query()) as object));
  app.onError((error, context) => {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'KNAT_INTERNAL';
    return context.json({ code, message: error.message }, code === 'KNAT_INVALID_INPUT' ? 400 : 500);
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
