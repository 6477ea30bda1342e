import { API_PATH } from '../../forms/request.ts';
import { routes } from '../../forms/routes.ts';
import { type Api, createApi } from './route.ts';
import { agentRoutes } from './routes/agent.ts';
import { planRoutes } from './routes/plan.ts';
import { requirePlan } from './still-reading.ts';
import type { AgentView } from './view.ts';

/** Adds routes of those that are declared to the API. */
export type Routes = (app: Api, declared: typeof routes) => void;

/**
 * The API, which the agent's socket and the HTTP server serve. Questions about the agent itself are answered at any time;
 * all others, those of companions too, are refused until the first plan is made.
 */
export function apiOf(view: AgentView, more: readonly Routes[]): Api {
  const app = createApi();
  agentRoutes(app, view);
  app.use(async (_, next) => {
    requirePlan(view);
    await next();
  });
  planRoutes(app, view);
  for (const add of more) add(app, routes);
  return app;
}

/** The description of the API, OpenAPI 3.1. */
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
