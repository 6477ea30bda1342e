import { formatRef } from '../../../model/object.ts';
import { noticeForm } from '../../status.ts';
import { type Api, get, offsetPage, pageOfItems } from '../route.ts';
import * as schemas from '../schemas.ts';
import type { AgentView } from '../view.ts';

export function findingsRoutes(app: Api, view: AgentView): void {
  get(app, {
    path: '/conflicts',
    summary: 'What several objects want, and who has it',
    query: offsetPage,
    answer: schemas.pageOf('ConflictPage', schemas.conflict),
    handle: (page) =>
      pageOfItems(view.findings.conflicts(), page, ({ key, winner, losers }) =>
        [key, formatRef(winner), ...losers.map(formatRef)].join(' '),
      ),
  });
  get(app, {
    path: '/notices',
    summary: 'Why objects, or parts of them, get no NAT',
    query: offsetPage,
    answer: schemas.pageOf('NoticePage', schemas.notice),
    handle: (page) =>
      pageOfItems(view.findings.notices().map(noticeForm), page, ({ reason, object, message }) =>
        [reason, formatRef(object), message].join(' '),
      ),
  });
}
