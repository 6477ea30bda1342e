import { routes } from '../../../forms/routes.ts';
import { type Api, answer } from '../route.ts';
import type { AgentView } from '../view.ts';

export function explainRoutes(app: Api, view: AgentView): void {
  answer(app, routes.explain, (packet) => view.explain(packet));
  answer(app, routes.describe, (packet) => view.describe(packet));
}
