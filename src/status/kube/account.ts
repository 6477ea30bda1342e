import type { NodeNatStatus } from '../../crds/node-nat.ts';
import type { Capabilities } from '../../datapath/datapath.ts';
import type { Finding, Notice } from '../../model/finding.ts';
import { compareText } from '../../model/text.ts';
import type { Conflict } from '../../plan/claims.ts';
import type { PodBinding } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { EnabledKinds } from '../../plan/options.ts';

/** What the cluster gets to know of the agent's work and problems. */
export interface NodeAccount {
  readonly node: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly enabled: EnabledKinds;
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

/** Reads every entry: call it after programming, not for each change. */
export function programmedOf(plan: NatPlan): Programmed {
  const services = new Set<string>();
  const bindings: PodBinding[] = [];
  const counts = { frontends: 0, podSources: 0, pools: 0 };
  for (const entry of plan.entries()) {
    switch (entry.kind) {
      case 'ServiceFrontend':
        counts.frontends++;
        services.add(`${entry.owner.namespace}/${entry.owner.name}`);
        break;
      case 'PodBinding':
        bindings.push(entry);
        break;
      case 'PodSource':
        counts.podSources++;
        break;
      case 'FamilyScope':
        counts.pools += entry.pools.length;
        break;
      case 'ClusterAddress':
      case 'PodReservation':
      case 'PodSourcePort':
      case 'ServiceHealthCheck':
      case 'SourcePorts':
      case 'EgressSource':
        break;
      default:
        entry satisfies never;
    }
  }
  const conflicts = [...plan.conflicts.values()].sort(byKey);
  return {
    counts: {
      ...counts,
      services: services.size,
      bindings: bindings.length,
      conflicts: conflicts.length,
    },
    bindings: bindings.sort(byKey),
    conflicts,
    notices: [...plan.notices()],
  };
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return compareText(a.key, b.key);
}
