import type { WalkJson } from '../forms/walk.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { hasPorts } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import type { Conflict } from '../plan/claims.ts';
import type { Endpoint, FamilyScope, ServiceFrontend } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import { type NatPlan, scopeOf, type TranslatingPlan } from '../plan/nat-plan.ts';
import { sentTo, walkDestination } from './destination.ts';
import type { Hint } from './hint.ts';
import { isFromPod, isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import { walkSource } from './source.ts';
import type { DestinationStep, PacketState, SourceOutcome } from './step.ts';

/** The outcome. `none`: no rule of ours changes the packet; `snat`: only its source is rewritten. */
export type WalkVerdict = WalkJson['verdict'];

/** A reply, from the endpoint to the sender of the packet. */
export interface Reply {
  /** As the endpoint sends it. */
  readonly sent: { readonly from: Endpoint; readonly to: IpAddress | 'node' };
  /** As the sender of the packet sees it; connection tracking on this node undoes the translation. */
  readonly seen: { readonly from: Endpoint; readonly to: IpAddress };
  /**
   * Whether the reply comes back through this node, which undoes the translation:
   * - `not-needed`: nothing was translated;
   * - `certain`: it is addressed to this node, or the sender is this node;
   * - `routing`: depends on routing, which brings replies of this node's pods here.
   */
  readonly returns: 'not-needed' | 'certain' | 'routing';
}

/** The path with one of the endpoints; without DNAT there is one path, to the destination itself. */
export interface Path extends SourceOutcome {
  readonly endpoint: Endpoint;
  /** The packet as it leaves, or reaches this node's own sockets. */
  readonly after: PacketState;
  readonly reply: Reply;
}

/** Facts that a plan cannot know and that may change the answer. */
export type Unknown =
  /** An existing connection keeps its translation. */
  | 'existing-connections'
  /** Another table may drop or rewrite the packet. */
  | 'other-tables'
  /** Which of the node's addresses a masqueraded packet gets. */
  | 'masquerade-address'
  /** Session affinity: a returning client keeps its endpoint. */
  | 'affinity'
  /** No pod CIDRs are known, and the answer would depend on them. */
  | 'pod-cidrs'
  /** Pods are recognised by interface, the question names none, and the answer would depend on it. */
  | 'input-interface'
  /** Pools are translated only on some interfaces, and routing chooses the interface. */
  | 'egress-interface'
  /** A bound pod sends it, but the question does not name its port: ports of its bindings keep their node ports. */
  | 'source-port'
  /** A rule rewrites the source of a packet that ends on this node, where no such rule can apply. */
  | 'local-endpoint'
  /** The sockets of the node are not known, and one at the port of a binding would keep its packets. */
  | 'host-sockets';

/** What becomes of the packet if the node bears addresses that no object says it has. */
export interface Branch {
  readonly bears: readonly IpAddress[];
  readonly walk: Walk;
}

/** The whole path of a packet through this node. */
export interface Walk {
  readonly nodeName: string;
  readonly packet: Packet;
  readonly verdict: WalkVerdict;
  readonly steps: readonly DestinationStep[];
  /** One for each possible endpoint, in the plan's order; empty if the packet is dropped or refused before. */
  readonly paths: readonly Path[];
  readonly conflicts: readonly Conflict[];
  readonly unknown: readonly Unknown[];
  /** Objects that almost match (hints.ts); empty if they were not asked for. */
  readonly hints: readonly Hint[];
  /** Without the node: what becomes of the packet if it bears further addresses; absent: the same, or all are known. */
  readonly branch?: Branch;
}

/**
 * Uses only the plan: no kernel, no rule text. Throws TypeError if source and destination are of different families.
 */
export function walk(
  plan: TranslatingPlan & Pick<NatPlan, 'conflicts' | 'conflictsAt'>,
  node: WalkedNode,
  packet: Packet,
): Walk {
  const { source, destination, protocol, port } = packet;
  const family = familyOf(destination);
  if (familyOf(source) !== family) throw new TypeError(`${source} and ${destination}: two families`);
  const scope = scopeOf(plan, family);
  const { steps, verdict, endpoints, frontend } = walkDestination(plan, scope, node, packet);
  const targets: readonly Endpoint[] = verdict === 'none' ? [{ address: destination, port }] : endpoints;
  const isPod = isFromPod(scope, node, packet);
  const paths = targets.map((endpoint): Path => {
    const arriving = { ...packet, destination: endpoint.address, port: endpoint.port };
    const outcome = walkSource(plan, scope, node, arriving, isPod, verdict === 'dnat', frontend);
    const sent = { source: outcome.snat ?? source, destination, protocol, port };
    const after = sentTo(sent, endpoint);
    return { endpoint, ...outcome, after, reply: replyOf(packet, node, after, verdict === 'dnat') };
  });
  const rewritten = paths.some((path) => path.snat !== null);
  const isDropped = paths.length > 0 && paths.every((path) => path.dropped);
  return {
    nodeName: node.nodeName,
    packet,
    verdict: isDropped ? 'drop' : verdict === 'none' && rewritten ? 'snat' : verdict,
    steps,
    paths,
    conflicts: conflictsOf(plan, packet),
    unknown: unknownOf(paths, scope, node, packet, frontend, verdict === 'dnat' && frontend === null),
    hints: [],
  };
}

function replyOf(packet: Packet, node: WalkedNode, after: PacketState, translated: boolean): Reply {
  const { source, destination, port } = packet;
  const certain = after.source !== source || isOwnAddress(node, source);
  return {
    sent: { from: { address: after.destination, port: after.port }, to: after.source },
    seen: { from: { address: destination, port }, to: source },
    returns: !translated && after.source === source ? 'not-needed' : certain ? 'certain' : 'routing',
  };
}

function conflictsOf(plan: Pick<NatPlan, 'conflicts' | 'conflictsAt'>, packet: Packet): Conflict[] {
  const { source, destination: address, protocol, port } = packet;
  if (!hasPorts(protocol)) return [];
  const aboutSource = plan.conflicts.get(podSourceKey(source, protocol));
  return [
    ...plan.conflictsAt({ address, protocol, port }),
    ...(aboutSource === undefined ? [] : [aboutSource]),
  ];
}

function unknownOf(
  paths: readonly Path[],
  scope: FamilyScope,
  node: WalkedNode,
  packet: Packet,
  frontend: ServiceFrontend | null,
  isBinding: boolean,
): Unknown[] {
  const unknown: Unknown[] = [];
  const asksForPods =
    frontend !== null && (frontend.masquerade === 'cluster-ip' || frontend.localEndpoints !== null);
  if (asksForPods && scope.podInterface === null && scope.pods.ranges.length === 0) unknown.push('pod-cidrs');
  const asksForInterface =
    (scope.podInterface !== null &&
      (frontend?.localEndpoints != null ||
        (frontend?.masquerade === 'cluster-ip' && scope.unmasqueradedInterface !== null))) ||
    (scope.egressInterface !== null &&
      paths.some(({ steps, snat, after }) => snat === null && asksPools(steps, scope, after.destination)));
  if (asksForInterface && packet.inputInterface === undefined && !isOwnAddress(node, packet.source)) {
    unknown.push('input-interface');
  }
  if (paths.length === 0 || paths.every((path) => path.dropped)) return unknown;
  if (frontend !== null && frontend.affinityTimeoutSeconds !== null && paths.length > 1) {
    unknown.push('affinity');
  }
  if (paths.some((path) => path.snat === 'node')) unknown.push('masquerade-address');
  if (packet.sourcePort === undefined && paths.some(isOfBoundPod)) unknown.push('source-port');
  if (scope.egress.interfaceFilter !== null && paths.some(isNatedByPool)) unknown.push('egress-interface');
  const endsHere = (path: Path) => path.snat !== null && isOwnAddress(node, path.endpoint.address);
  if (!isOwnAddress(node, packet.source) && paths.some(endsHere)) unknown.push('local-endpoint');
  if (node.isPartlyKnown === true && isBinding) unknown.push('host-sockets');
  unknown.push('existing-connections', 'other-tables');
  return unknown;
}

/** True if no earlier rule decided and the destination is not exempt, so that the pools decide. */
function asksPools(steps: Path['steps'], { egressExempt }: FamilyScope, destination: IpAddress): boolean {
  const decided = steps.some(
    (step) =>
      step.rule === 'local-delivery' ||
      step.rule === 'egress-pool' ||
      (step.rule === 'egress-rule' && step.role === 'decides'),
  );
  return !decided && !setContains(egressExempt, destination);
}

function isOfBoundPod({ steps }: Path): boolean {
  return steps.some(({ rule, verdict }) => rule === 'pod-source' && verdict === 'snat');
}

function isNatedByPool({ steps }: Path): boolean {
  return steps.some(({ rule, verdict }) => rule === 'egress-pool' && verdict !== 'continue');
}
