import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { API_PATH } from '../forms/request.ts';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { type Api, answerError } from './api/route.ts';
import { requirePlan } from './api/still-reading.ts';
import type { AgentView } from './api/view.ts';

/** In bytes. */
const LARGEST_QUESTION = limits['question-bytes'].most;

/** Answers questions on the agent's socket. */
export function agentAnswers(api: Api, view: Pick<AgentView, 'flows' | 'reading'>): RequestListener {
  const app = new Hono();
  app.route(API_PATH, api);
  app.post(
    `${API_PATH}/explain`,
    bodyLimit({ maxSize: LARGEST_QUESTION, onError: () => tooLarge() }),
    async (context) => {
      requirePlan(view);
      return context.json(view.flows(await context.req.json()));
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
