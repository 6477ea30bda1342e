import type { NoticeForm } from '../forms/findings.ts';
import type { Status } from '../forms/status.ts';
import type { Notice } from '../model/finding.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { scopeKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** A notice in answers of the API. */
export function noticeForm({ code, object, message }: Notice): NoticeForm {
  return { reason: code, object, message };
}

/** What the plan holds, counted. */
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
