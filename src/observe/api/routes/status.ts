import { routes } from '../../../forms/routes.ts';
import { formatFinding } from '../../../model/finding.ts';
import { type Api, answer, pageOfItems } from '../route.ts';
import type { AgentView } from '../view.ts';

export function statusRoutes(app: Api, view: AgentView): void {
  answer(app, routes.status, () => view.status());
  answer(app, routes.summary, () => {
    const { conflicts: _, notices: __, problems: ___, ...summary } = view.status();
    return summary;
  });
  answer(app, routes.problems, (page) => pageOfItems(view.findings.problems(), page, formatFinding));
}
