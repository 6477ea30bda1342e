import type { ObjectRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import { type FamilyScope, type ServiceFrontend, sourceEndpointAt } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { walkEgress } from './egress.ts';
import { isOwnAddress, type WalkedNode } from './own.ts';
import type { PacketState, SourceOutcome, SourcePort, SourceStep } from './step.ts';

/**
 * Source NAT of one packet with its final destination (`isPod`: from a pod), in the order of docs/spec/README.md
 * "Precedence". The first rule that rewrites wins; rules that matched the packet and left its source are steps too.
 *
 * A packet for this node itself never passes postrouting, so Pod NAT and egress do not apply. The rules of a Service
 * frontend are reported nevertheless, as the conformance data expects; that the kernel cannot apply them is one of the
 * walk's `unknown`.
 */
export function walkSource(
  plan: Pick<NatPlan, 'entry' | 'sourceAt' | 'egressSource'>,
  scope: FamilyScope,
  node: WalkedNode,
  packet: PacketState & { readonly source: IpAddress; readonly sourcePort?: Port },
  isPod: boolean,
  translated: boolean,
  frontend: ServiceFrontend | null,
  inputInterface?: string | undefined,
): SourceOutcome {
  const { sourcePort, ...arriving } = packet;
  const { source, destination, protocol } = packet;
  const hook = 'postrouting';
  const steps: SourceStep[] = [];
  const stays = { hook, before: arriving, after: [arriving] } as const;
  const rewritten = (to: IpAddress | 'node') =>
    ({ hook, before: arriving, after: [{ ...arriving, source: to }] }) as const;

  if (translated && source === destination) {
    const object = frontend?.owner ?? null;
    return {
      steps: [{ rule: 'hairpin', verdict: 'masquerade', object, ...rewritten('node') }],
      snat: 'node',
      snatPort: 'free',
      dropped: false,
    };
  }
  if (frontend !== null) {
    const { masquerade, owner: object } = frontend;
    if (masquerades(frontend, scope, node, source, isPod)) {
      const step = { rule: 'service-masquerade', verdict: 'masquerade', object, masquerade } as const;
      return { steps: [{ ...step, ...rewritten('node') }], snat: 'node', snatPort: 'free', dropped: false };
    }
    steps.push({ rule: 'service-masquerade', verdict: 'continue', object, masquerade, ...stays });
  }
  if (isOwnAddress(node, destination)) {
    steps.push({ rule: 'local-delivery', verdict: 'continue', object: null, ...stays, hook: 'input' });
    return { steps, snat: null, snatPort: null, dropped: false };
  }
  const bound = boundSource(plan, source, protocol, sourcePort);
  if (bound !== null) {
    const { object, to, port } = bound;
    if (!setContains(scope.podNatInternal, destination)) {
      steps.push({ rule: 'pod-source', verdict: 'snat', object, to, port, ...rewritten(to) });
      return { steps, snat: to, snatPort: port, dropped: false };
    }
    steps.push({ rule: 'pod-source', verdict: 'continue', object, to, port, ...stays });
  }
  const by = isOwnAddress(node, source) ? undefined : inputInterface;
  const egress = walkEgress(plan, scope, arriving, by);
  steps.push(...egress.steps);
  if (egress.snat !== null || egress.dropped) return { ...egress, steps };
  if (steps.length === 0) {
    steps.push({ rule: 'no-source-rule', verdict: 'continue', object: null, ...stays });
  }
  return { steps, snat: null, snatPort: null, dropped: false };
}

interface BoundSource {
  readonly object: ObjectRef;
  readonly to: IpAddress;
  readonly port: SourcePort;
}

/** What a bound pod's packet leaves with: what its own binding of the port says, else its address and a free port. */
function boundSource(
  plan: Pick<NatPlan, 'entry' | 'sourceAt'>,
  address: IpAddress,
  protocol: Protocol,
  port: Port | undefined,
): BoundSource | null {
  const own = port === undefined ? undefined : plan.sourceAt({ address, protocol, port });
  if (own !== undefined && port !== undefined) {
    const { address: to, port: becomes } = sourceEndpointAt(own, { port });
    return { object: own.owner, to, port: becomes };
  }
  const bound = plan.entry(podSourceKey(address, protocol));
  return bound?.kind === 'PodSource' ? { object: bound.owner, to: bound.snat, port: 'free' } : null;
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
