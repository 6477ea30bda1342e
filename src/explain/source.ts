import type { ObjectRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { type FamilyScope, podSourceKey, type ServiceFrontend } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { PacketState, SourceStep } from './step.ts';

/** How the packet leaves postrouting: with the same source, an address of the node, or a given address. */
export interface SourceOutcome {
  readonly steps: readonly SourceStep[];
  /** What the source is rewritten to; null: it stays. */
  readonly snat: IpAddress | 'node' | null;
}

/**
 * Source NAT of one packet (from a pod, where `isPod`) whose destination is settled, in the order of design.md "Precedence"; the first rule that
 * rewrites wins, rules that looked at the packet and left it alone are steps too.
 *
 * A packet for this node itself never passes postrouting, so Pod NAT and egress leave it alone. The rules of a
 * Service frontend are reported all the same: they are what the Service asks for, and the conformance data speaks of
 * them; that the kernel does not get to apply them there is one of the walk's `unknown`.
 */
export function walkSource(
  plan: Pick<NatPlan, 'entry'>,
  scope: FamilyScope,
  node: WalkedNode,
  packet: PacketState & { readonly source: IpAddress },
  isPod: boolean,
  translated: boolean,
  frontend: ServiceFrontend | null,
): SourceOutcome {
  const { source, destination } = packet;
  const hook = 'postrouting';
  const steps: SourceStep[] = [];
  const stays = { hook, before: packet, after: [packet] } as const;
  const rewritten = (to: IpAddress | 'node') =>
    ({ hook, before: packet, after: [{ ...packet, source: to }] }) as const;

  if (translated && source === destination) {
    const object = frontend?.owner ?? null;
    return {
      steps: [{ rule: 'hairpin', verdict: 'masquerade', object, ...rewritten('node') }],
      snat: 'node',
    };
  }
  if (frontend !== null) {
    const { masquerade, owner: object } = frontend;
    if (masquerades(frontend, scope, node, source, isPod)) {
      const step = { rule: 'service-masquerade', verdict: 'masquerade', object, masquerade } as const;
      return { steps: [{ ...step, ...rewritten('node') }], snat: 'node' };
    }
    steps.push({ rule: 'service-masquerade', verdict: 'continue', object, masquerade, ...stays });
  }
  if (isOwnAddress(node, destination)) {
    steps.push({ rule: 'local-delivery', verdict: 'continue', object: null, ...stays, hook: 'input' });
    return { steps, snat: null };
  }
  const bound = plan.entry(podSourceKey(source, packet.protocol));
  if (bound?.kind === 'PodSource') {
    const { owner: object, snat: to } = bound;
    if (!setContains(scope.podNatInternal, destination)) {
      steps.push({ rule: 'pod-source', verdict: 'snat', object, to, ...rewritten(to) });
      return { steps, snat: to };
    }
    steps.push({ rule: 'pod-source', verdict: 'continue', object, to, ...stays });
  }
  if (setContains(scope.egressSources, source)) {
    const object = poolRef(scope.pools, source, (pool) => pool.natOutgoing);
    if (!setContains(scope.egressExempt, destination)) {
      const step = { rule: 'egress-pool', verdict: 'masquerade', object, exemptBy: null } as const;
      return { steps: [...steps, { ...step, ...rewritten('node') }], snat: 'node' };
    }
    const exemptBy = poolRef(scope.pools, destination, (pool) => !pool.loadBalancerOnly);
    steps.push({ rule: 'egress-pool', verdict: 'continue', object, exemptBy, ...stays });
  }
  if (steps.length === 0) {
    steps.push({ rule: 'no-source-rule', verdict: 'continue', object: null, ...stays });
  }
  return { steps, snat: null };
}

/** A pod is no node source, even where its address is one of the node's own too (as kube-proxy has it). */
function masquerades(
  frontend: ServiceFrontend,
  scope: FamilyScope,
  node: WalkedNode,
  source: IpAddress,
  isPod: boolean,
): boolean {
  switch (frontend.masquerade) {
    case 'always':
      return true;
    case 'cluster-ip':
      return (
        setContains(scope.masqueradeToClusterIP, source) && !(isPod && scope.unmasqueradedInterface !== null)
      );
    case 'node-sources':
      return isOwnAddress(node, source) && !isPod;
    default:
      return frontend.masquerade satisfies never;
  }
}

/** The narrowest pool that holds the address; of equal ones the first by name. */
function poolRef(
  pools: readonly PoolFact[],
  address: IpAddress,
  counts: (pool: PoolFact) => boolean,
): ObjectRef | null {
  let best: PoolFact | null = null;
  for (const pool of pools) {
    if (!counts(pool) || !prefixContains(pool.cidr, address)) continue;
    if (best === null || pool.cidr.length > best.cidr.length) best = pool;
  }
  return best === null ? null : { kind: 'IPPool', namespace: '', name: best.name };
}
