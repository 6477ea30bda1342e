import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { type Api, answerError } from './api/route.ts';
import { API_PATH } from './api/routes.ts';
import { requirePlan } from './api/still-reading.ts';
import type { AgentView } from './api/view.ts';
import { AGENT_SOCKET } from './socket-address.ts';

/** Another agent answers in this network namespace. */
export class AgentRunning extends Error {
  readonly code = 'KNAT_AGENT_RUNNING';
  override readonly name = 'AgentRunning';
  constructor() {
    super('another knat agent works in this network namespace already');
  }
}

/**
 * Serves the API on the agent's socket, which is also the lock of this network namespace. Who reaches the socket is on
 * the node and in its network namespace, and is asked nothing.
 */
export async function serveAgent(api: Api, view: Pick<AgentView, 'flows' | 'reading'>): Promise<Server> {
  const app = new Hono();
  app.route(API_PATH, api);
  app.route('/v1', api); // the name of the socket's API before it was served elsewhere too
  app.post('/v1/flows', async (context) => {
    requirePlan(view);
    return context.json(view.flows(await context.req.json()));
  });
  app.onError(answerError);
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
