import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { Capabilities } from '../../datapath/datapath.ts';
import type { Finding, Notice } from '../../model/finding.ts';
import { compareText } from '../../model/text.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Conflict } from '../../plan/claims.ts';
import type { PodBinding } from '../../plan/entry.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import type { EnabledKinds } from '../../plan/options.ts';

/** What the cluster gets to know of the agent's work and problems. */
export interface NodeAccount {
  readonly node: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly enabled: EnabledKinds;
  /** kube-proxy does Service NAT, and knat leaves that to it. */
  readonly servicesLeft: boolean;
  /** For messages. */
  readonly source: string;
  /** Every source has delivered what existed at the start. */
  readonly synced: boolean;
  /** The kernel's last reported content; null before the first report. */
  readonly programmed: Programmed | null;
  /** Why the kernel does not match the plan; null when it does. */
  readonly failure: string | null;
  readonly problems: readonly Finding[];
}

/** The plan's content that a Report says the kernel has. */
export interface Programmed {
  readonly counts: Omit<NodeNatStatus['counts'], 'rejected'>;
  /** In the order of their keys. */
  readonly bindings: readonly PodBinding[];
  readonly conflicts: readonly Conflict[];
  readonly notices: readonly Notice[];
}

/**
 * Costs what the findings cost, not what the plan costs.
 *
 * @param bindings all of the plan, in the order of their keys
 */
export function programmedOf(plan: NatPlan, bindings: readonly PodBinding[]): Programmed {
  const conflicts = [...plan.conflicts.values()].sort(byKey);
  return {
    counts: {
      services: plan.countServices(),
      frontends: plan.count('ServiceFrontend'),
      bindings: bindings.length,
      podSources: plan.count('PodSource'),
      pools: FAMILIES.reduce((sum, family) => sum + scopeOf(plan, family).pools.length, 0),
      conflicts: conflicts.length,
    },
    bindings,
    conflicts,
    notices: [...plan.notices()],
  };
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return compareText(a.key, b.key);
}
