import type { RequestListener } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { API_PATH } from '../forms/request.ts';
import { Places } from '../limits/places.ts';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { type Api, answerError, streamOf } from './api/route.ts';
import { requirePlan } from './api/still-reading.ts';
import type { AgentView } from './api/view.ts';

/** In bytes. */
const LARGEST_QUESTION = limits['question-bytes'].most;

/** Answers questions on the agent's socket. */
export function agentAnswers(api: Api, view: Pick<AgentView, 'flows' | 'reading'>): RequestListener {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.route(API_PATH, api);
  const places = new Places('explain-lists');
  app.post(
    `${API_PATH}/explain`,
    async (context, next) => {
      const release = places.take();
      context.env.outgoing.once('close', release);
      await next();
    },
    bodyLimit({ maxSize: LARGEST_QUESTION, onError: () => tooLarge() }),
    async (context) => {
      requirePlan(view);
      const body = streamOf(view.flows(await context.req.json()), () => {});
      return context.body(body, 200, { 'Content-Type': 'application/json' });
    },
  );
  app.onError(answerError);
  return getRequestListener(app.fetch, { overrideGlobalObjects: false });
}

function tooLarge(): Response {
  limitReached('question-bytes');
  const message = `a question has at most ${LARGEST_QUESTION >> 20} MiB`;
  return Response.json({ code: 'KNAT_INVALID_INPUT', message, details: [] }, { status: 413 });
}
