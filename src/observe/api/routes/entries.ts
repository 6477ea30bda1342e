import { routes } from '../../../forms/routes.ts';
import { FAMILIES } from '../../../net/family.ts';
import { formatPrefix } from '../../../net/prefix.ts';
import { canonicalEntry } from '../../../plan/canonical.ts';
import { scopeOf } from '../../../plan/nat-plan.ts';
import { validQuery } from '../../invalid-query.ts';
import { queryEntries, readEntryQuestion } from '../entry-query.ts';
import { type Api, answer } from '../route.ts';
import type { AgentView } from '../view.ts';

export function entriesRoutes(app: Api, view: AgentView): void {
  answer(app, routes.entries, ({ after = null, limit, ...question }) =>
    queryEntries(view.plan, { ...validQuery(readEntryQuestion(question, 'planned')), after, limit }),
  );
  answer(app, routes.pools, () => {
    const scopes = FAMILIES.map((family) => scopeOf(view.plan, family));
    return {
      items: scopes.flatMap(({ family, pools }) =>
        pools.map(({ name, cidr, natOutgoing, disabled, loadBalancerOnly }) => {
          return { name, cidr: formatPrefix(cidr), family, natOutgoing, disabled, loadBalancerOnly };
        }),
      ),
      scopes: scopes.map(canonicalEntry),
    };
  });
}
