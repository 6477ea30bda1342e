import { routes } from '../../../forms/routes.ts';
import { SPAN } from '../../sync-history.ts';
import { type Api, answer } from '../route.ts';
import type { AgentView } from '../view.ts';

export function activityRoutes(app: Api, view: AgentView): void {
  const { activity, history, metrics } = view.observations;
  answer(app, routes.activity, ({ after }) => ({ items: activity.since(after), newest: activity.newest }));
  answer(app, routes.history, () => ({ spanSeconds: SPAN / 1000, items: history.points(view.now()) }));
  answer(app, routes.metrics, async () => ({ items: await metrics.snapshot() }));
}
