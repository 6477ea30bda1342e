import type { IpAddress } from '../net/address.ts';
import { hasPorts } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import { type FamilyScope, type ServiceFrontend, sourceEndpointAt } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { walkEgress } from './egress.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { SourceOutcome, SourceStep } from './step.ts';

/**
 * Source NAT of one packet with its final destination, in the order of docs/spec/README.md "Precedence". The first rule
 * that rewrites wins; rules that matched the packet and left its source are steps too.
 * A packet for this node itself never passes postrouting, so Pod NAT and egress do not apply. The rules of a Service
 * frontend are reported nevertheless, as the conformance data expects; the walk's `unknown` says so.
 */
export function walkSource(
  plan: Pick<NatPlan, 'entry' | 'sourceAt' | 'egressSource'>,
  scope: FamilyScope,
  node: WalkedNode,
  packet: Packet,
  isPod: boolean,
  translated: boolean,
  frontend: ServiceFrontend | null,
): SourceOutcome {
  const { source, destination, protocol, port, inputInterface, outputInterface = null } = packet;
  const before = { source, destination, protocol, port };
  const hook = 'postrouting';
  const steps: SourceStep[] = [];
  const stays = { hook, before, after: [before] } as const;
  const rewritten = (to: IpAddress | 'node') =>
    ({ hook, before, after: [{ ...before, source: to }] }) as const;
  const outcome = (snat: SourceOutcome['snat'], snatPort: SourceOutcome['snatPort']): SourceOutcome => {
    return { steps, snat, snatPort, dropped: false };
  };

  if (translated && source === destination) {
    const object = frontend?.owner ?? null;
    steps.push({ rule: 'hairpin', verdict: 'masquerade', object, ...rewritten('node') });
    return outcome('node', 'free');
  }
  if (frontend !== null) {
    const step = {
      rule: 'service-masquerade',
      object: frontend.owner,
      masquerade: frontend.masquerade,
    } as const;
    if (masquerades(frontend, scope, node, source, isPod)) {
      steps.push({ ...step, verdict: 'masquerade', ...rewritten('node') });
      return outcome('node', 'free');
    }
    steps.push({ ...step, verdict: 'continue', ...stays });
  }
  if (isOwnAddress(node, destination)) {
    steps.push({ rule: 'local-delivery', verdict: 'continue', object: null, ...stays, hook: 'input' });
    return outcome(null, null);
  }
  const bound = boundSource(plan, packet);
  if (bound !== null) {
    if (!setContains(scope.podNatInternal, destination)) {
      steps.push({ rule: 'pod-source', verdict: 'snat', ...bound, ...rewritten(bound.to) });
      return outcome(bound.to, bound.port);
    }
    steps.push({ rule: 'pod-source', verdict: 'continue', ...bound, ...stays });
  }
  const by = isOwnAddress(node, source) ? undefined : inputInterface;
  const egress = walkEgress(plan, scope, before, by, outputInterface);
  steps.push(...egress.steps);
  if (egress.snat !== null || egress.dropped) return { ...egress, steps };
  if (steps.length === 0) steps.push({ rule: 'no-source-rule', verdict: 'continue', object: null, ...stays });
  return outcome(null, null);
}

/** By the pod's own binding of the port; otherwise its address and a free port. */
function boundSource(
  plan: Pick<NatPlan, 'entry' | 'sourceAt'>,
  { source: address, protocol, sourcePort: port }: Packet,
): Pick<Extract<SourceStep, { rule: 'pod-source' }>, 'object' | 'to' | 'port'> | null {
  if (!hasPorts(protocol)) return null;
  const own = port === undefined ? undefined : plan.sourceAt({ address, protocol, port });
  if (own !== undefined && port !== undefined) {
    const { address: to, port: becomes } = sourceEndpointAt(own, { port });
    return { object: own.owner, to, port: becomes };
  }
  const bound = plan.entry(podSourceKey(address, protocol));
  return bound?.kind === 'PodSource' ? { object: bound.owner, to: bound.snat, port: 'free' } : null;
}

/** As with kube-proxy, a pod is no node source, even if its address is one of the node's own too. */
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
