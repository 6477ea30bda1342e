import type { NatPlan } from '../../plan/nat-plan.ts';
import type { CompanionFactory } from '../companion.ts';

/** Deletes conntrack entries that a change of the plan made stale; gives their number. */
export interface StaleFlows {
  clean(plan: NatPlan, changed: ReadonlySet<string> | null): number;
}

/** After each change: clients of UDP that keep their source port must reach the endpoints of now. */
export function staleUdpFlows(flows: StaleFlows): CompanionFactory {
  return ({ logger, observations: { metrics } }) => {
    let cleanedRevision: number | null = null;
    return {
      name: 'stale UDP flows',
      converged: ({ plan, report }) => {
        try {
          const changed = cleanedRevision === null ? null : plan.changedSince(cleanedRevision);
          const deleted = flows.clean(plan, changed);
          cleanedRevision = report.revision;
          metrics.increment('knat_stale_flows_deleted_total', {}, deleted);
          if (deleted > 0) logger.info({ deleted }, 'stale UDP flows were deleted');
        } catch (error) {
          metrics.increment('knat_stale_flow_failures_total', {});
          logger.warn(
            { err: error },
            'stale UDP flows could not be deleted; they are looked for again after the next change',
          );
        }
      },
    };
  };
}
