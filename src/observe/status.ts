import type { NoticeForm } from '../forms/findings.ts';
import type { Status } from '../forms/status.ts';
import type { Notice } from '../model/finding.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { scopeKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

export function noticeForm({ code, object, message }: Notice): NoticeForm {
  return { reason: code, object, message };
}

/** In a few words, whether the kernel matches the plan. */
export function stateOf({
  failure,
  synced,
  source,
  findings: { conflicts, notices, problems },
}: Pick<Status, 'failure' | 'synced' | 'source' | 'findings'>): Status['state'] {
  if (failure !== null) return { level: 'bad', text: 'kernel behind', why: failure.message };
  if (!synced)
    return { level: 'warning', text: 'reading', why: `${source} has not delivered everything yet` };
  const open = conflicts + notices + problems;
  if (open > 0) {
    const why = `${problems} problems, ${notices} notices, ${conflicts} conflicts`;
    return { level: 'warning', text: `in force, ${open} open`, why };
  }
  return { level: 'good', text: 'in force', why: 'the kernel matches what the source wants' };
}

export function countPlan(plan: NatPlan): Status['counts'] {
  return {
    frontends: plan.count('ServiceFrontend'),
    bindings: plan.count('PodBinding'),
    podSources: plan.count('PodSource'),
    pools: FAMILIES.reduce((sum, family) => sum + poolsOf(plan, family), 0),
  };
}

/** Before the first update a plan has no scopes. */
function poolsOf(plan: NatPlan, family: Family): number {
  const scope = plan.entry(scopeKey(family));
  return scope?.kind === 'FamilyScope' ? scope.pools.length : 0;
}
