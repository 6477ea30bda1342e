import type { Pool } from '../../../forms/entries.ts';
import { routes } from '../../../forms/routes.ts';
import { formatRef } from '../../../model/object.ts';
import type { PoolFact } from '../../../model/pool.ts';
import { FAMILIES } from '../../../net/family.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { canonicalEntry } from '../../../plan/canonical.ts';
import { scopeOf } from '../../../plan/nat-plan.ts';
import { poolRows } from '../../../plan/pool-matrix.ts';
import { validQuery } from '../../invalid-query.ts';
import { noticeForm } from '../../status.ts';
import { queryEntries, readEntryQuestion } from '../entry-query.ts';
import { type Api, answer, pageOfItems } from '../route.ts';
import type { AgentView } from '../view.ts';

/** Routes about the plan; refused before the first plan. */
export function planRoutes(app: Api, view: AgentView): void {
  answer(app, routes.entries, ({ after = null, limit, ...question }) =>
    queryEntries(view.plan, { ...validQuery(readEntryQuestion(question, 'planned')), after, limit }),
  );
  answer(app, routes.pools, () => {
    const scopes = FAMILIES.map((family) => scopeOf(view.plan, family));
    return { items: scopes.flatMap(({ pools }) => pools.map(poolForm)), scopes: scopes.map(canonicalEntry) };
  });
  answer(app, routes.poolMatrix, ({ limit }) => {
    const scopes = FAMILIES.map((family) => scopeOf(view.plan, family));
    const all = scopes.flatMap(({ pools }) => pools);
    const shown = all.toSorted((a, b) => Number(b.natOutgoing) - Number(a.natOutgoing)).slice(0, limit);
    const rows = scopes.flatMap((scope) =>
      poolRows(
        scope,
        shown.filter(({ cidr }) => cidr.family === scope.family),
      ),
    );
    return { pools: shown.map(poolForm), total: all.length, rows };
  });
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
  answer(app, routes.explain, (packet) => view.explain(packet));
  answer(app, routes.places, ({ search = '' }) => ({ places: view.places(search) }));
  answer(app, routes.describe, (packet) => view.describe(packet));
}

function poolForm({ name, cidr, natOutgoing, disabled, loadBalancerOnly }: PoolFact): Pool {
  return { name, cidr: formatPrefix(cidr), family: cidr.family, natOutgoing, disabled, loadBalancerOnly };
}
