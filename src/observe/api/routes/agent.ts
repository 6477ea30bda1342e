import { routes } from '../../../forms/routes.ts';
import { formatFinding } from '../../../model/finding.ts';
import { SPAN } from '../../sync-history.ts';
import { type Api, answer, pageOfItems } from '../route.ts';
import type { AgentView } from '../view.ts';

/** Routes about the agent itself; answered even before the first plan. */
export function agentRoutes(app: Api, view: AgentView): void {
  const { activity, history, metrics } = view.observations;
  answer(app, routes.status, () => view.status());
  answer(app, routes.summary, () => {
    const { conflicts: _, notices: __, problems: ___, ...summary } = view.status();
    return summary;
  });
  answer(app, routes.problems, (page) => pageOfItems(view.findings.problems(), page, formatFinding));
  answer(app, routes.activity, ({ after }) => ({ items: activity.since(after), newest: activity.newest }));
  answer(app, routes.history, () => ({ spanSeconds: SPAN / 1000, items: history.points(view.now()) }));
  answer(app, routes.metrics, async () => ({ items: await metrics.snapshot() }));
}
