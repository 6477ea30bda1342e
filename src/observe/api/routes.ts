import { type Api, createApi } from './route.ts';
import { activityRoutes } from './routes/activity.ts';
import { entriesRoutes } from './routes/entries.ts';
import { explainRoutes } from './routes/explain.ts';
import { findingsRoutes } from './routes/findings.ts';
import { statusRoutes } from './routes/status.ts';
import type { AgentView } from './view.ts';

/** Adds the routes of one subject, with data of its own. */
export type Routes = (app: Api) => void;

/** The version of the API is in its path: what answers here never changes its meaning. */
export const API_PATH = '/api/v1';

/** The API, for every place that it is served at: the agent's socket and the HTTP server. */
export function apiOf(view: AgentView, more: readonly Routes[]): Api {
  const app = createApi();
  for (const routes of [statusRoutes, entriesRoutes, findingsRoutes, explainRoutes, activityRoutes]) {
    routes(app, view);
  }
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
