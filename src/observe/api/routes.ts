import { API_PATH } from '../../forms/request.ts';
import { routes } from '../../forms/routes.ts';
import { type Api, answer, answerLines, answerPosted, createApi } from './route.ts';
import { agentRoutes } from './routes/agent.ts';
import { planRoutes } from './routes/plan.ts';
import { requirePlan } from './still-reading.ts';
import type { AgentView } from './view.ts';

/** What adds routes gets the functions for it, so that it loads nothing of the API before the first question. */
export type Routes = (app: Api, declared: typeof routes, by: typeof adding) => void;

const adding = { answer, answerLines, answerPosted };

/**
 * The API of the agent's socket and the HTTP server. Questions about the agent itself are always answered; all others,
 * including those of companions, are refused until the first plan exists.
 */
export function apiOf(view: AgentView, more: readonly Routes[]): Api {
  const app = createApi();
  agentRoutes(app, view);
  app.use(async (_, next) => {
    requirePlan(view);
    await next();
  });
  planRoutes(app, view);
  for (const add of more) add(app, routes, adding);
  return app;
}

/** OpenAPI 3.1. */
export function describeApi(api: Api, version: string): object {
  const served = createApi();
  served.route(API_PATH, api);
  return served.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'knat',
      version,
      description:
        'What the agent of a node translates, and why. Everything is read-only; docs/http-api.md says who may read it.',
    },
  });
}
