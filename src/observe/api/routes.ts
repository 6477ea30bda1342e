import { API_PATH } from '../../forms/request.ts';
import { type Api, createApi } from './route.ts';
import { activityRoutes } from './routes/activity.ts';
import { entriesRoutes } from './routes/entries.ts';
import { explainRoutes } from './routes/explain.ts';
import { findingsRoutes } from './routes/findings.ts';
import { statusRoutes } from './routes/status.ts';
import { requirePlan } from './still-reading.ts';
import type { AgentView } from './view.ts';

/** Adds the routes of one subject, with data of its own. */
export type Routes = (app: Api) => void;

/**
 * The API, for every place that it is served at: the agent's socket and the HTTP server. What tells of the agent itself is
 * answered at any time; all else, the routes of companions too, waits for the first plan.
 */
export function apiOf(view: AgentView, more: readonly Routes[]): Api {
  const app = createApi();
  for (const routes of [statusRoutes, activityRoutes]) routes(app, view);
  app.use(async (_, next) => {
    requirePlan(view);
    await next();
  });
  for (const routes of [entriesRoutes, findingsRoutes, explainRoutes]) routes(app, view);
  for (const routes of more) routes(app);
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
