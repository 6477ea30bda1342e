import { routes } from '../../../forms/routes.ts';
import { formatRef } from '../../../model/object.ts';
import { noticeForm } from '../../status.ts';
import { type Api, answer, pageOfItems } from '../route.ts';
import type { AgentView } from '../view.ts';

export function findingsRoutes(app: Api, view: AgentView): void {
  answer(app, routes.conflicts, (page) =>
    pageOfItems(view.findings.conflicts(), page, ({ key, winner, losers }) =>
      [key, formatRef(winner), ...losers.map(formatRef)].join(' '),
    ),
  );
  answer(app, routes.notices, (page) =>
    pageOfItems(view.findings.notices().map(noticeForm), page, ({ reason, object, message }) =>
      [reason, formatRef(object), message].join(' '),
    ),
  );
}
