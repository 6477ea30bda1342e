import { conntrackFill } from './checks/conntrack.ts';
import {
  bridgeNetfilter,
  forwarding,
  interfaceForwarding,
  localPorts,
  platform,
  reversePath,
} from './checks/kernel.ts';
import {
  agent,
  differing,
  foreignSourceNat,
  forwardDrops,
  kubeProxy,
  poolsAndNetworks,
  untracked,
} from './checks/others.ts';
import type { Check, CheckResult } from './finding.ts';
import type { HostFacts } from './host-facts.ts';

/** In the order of the output. */
export const checks: readonly Check[] = [
  platform,
  forwarding,
  interfaceForwarding,
  reversePath,
  bridgeNetfilter,
  localPorts,
  conntrackFill,
  forwardDrops,
  foreignSourceNat,
  differing,
  untracked,
  kubeProxy,
  poolsAndNetworks,
  agent,
];

export function diagnose(facts: HostFacts): CheckResult[] {
  return checks.map(({ name, title, examine }) => {
    const outcome = examine(facts);
    const unseen = typeof outcome === 'string' ? outcome : null;
    return { check: name, title, findings: typeof outcome === 'string' ? [] : outcome, unseen };
  });
}
