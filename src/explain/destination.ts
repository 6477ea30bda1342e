import type { ObjectRef } from '../model/object.ts';
import { hasPorts } from '../net/protocol.ts';
import { formatRange, setContains } from '../net/ranges.ts';
import { formatSet } from '../plan/canonical.ts';
import {
  type Endpoint,
  endpointAt,
  type FamilyScope,
  type PodBinding,
  type ServiceFrontend,
  type Tuple,
} from '../plan/entry.ts';
import { clusterAddressKey } from '../plan/entry-key.ts';
import { formatListener, listenersIn } from '../plan/host-listeners.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { isFromPod, isOwnAddress, type WalkedNode } from './own.ts';
import type { Packet } from './packet.ts';
import type { DestinationStep, EndpointReach, Hook, PacketState } from './step.ts';

/** The packet after prerouting (or output, if this node itself sends it). */
export interface DestinationOutcome {
  readonly steps: readonly DestinationStep[];
  /** `none`: the destination stays as it is. */
  readonly verdict: 'dnat' | 'none' | 'drop' | 'reject';
  readonly endpoints: readonly Endpoint[];
  /** The frontend whose masquerade rule applies after routing; null without one. */
  readonly frontend: ServiceFrontend | null;
}

/** Destination NAT, in the order of docs/spec/README.md "Precedence". */
export function walkDestination(
  plan: Pick<NatPlan, 'entry' | 'entryAt'>,
  scope: FamilyScope,
  node: WalkedNode,
  packet: Packet,
): DestinationOutcome {
  const { source, destination, protocol, port } = packet;
  const before: PacketState = { source, destination, protocol, port };
  const hook: Hook = isOwnAddress(node, source) ? 'output' : 'prerouting';
  const tuple: Tuple | null = hasPorts(protocol) ? { address: destination, protocol, port } : null;
  const entry = tuple === null ? undefined : plan.entryAt(tuple);
  if (tuple !== null && (entry?.kind === 'ServiceFrontend' || entry?.kind === 'PodBinding')) {
    const checked = sourceRangesStep(entry, hook, before);
    if (checked?.verdict === 'drop') {
      return { steps: [checked], verdict: 'drop', endpoints: [], frontend: null };
    }
    const steps = checked === null ? [] : [checked];
    if (entry.kind === 'ServiceFrontend')
      return serve(entry, reachOf(entry, scope, node, packet), hook, before, steps);
    const endpoint = endpointAt(entry, tuple);
    const after = [sentTo(before, endpoint)];
    const { key, owner } = entry;
    return {
      steps: [...steps, { rule: 'pod-binding', verdict: 'dnat', hook, object: owner, before, after, key }],
      verdict: 'dnat',
      endpoints: [endpoint],
      frontend: null,
    };
  }
  const end = (step: DestinationStep, verdict: 'none' | 'drop' | 'reject'): DestinationOutcome => {
    return { steps: [step], verdict, endpoints: [], frontend: null };
  };
  const known = plan.entry(clusterAddressKey(destination));
  if (known?.kind === 'ClusterAddress') {
    const object: ObjectRef = known.owner;
    return end({ rule: 'unlisted-port', verdict: 'reject', hook, object, before, after: [] }, 'reject');
  }
  if (setContains(scope.serviceCIDRs, destination)) {
    const range = rangeOf(scope, destination);
    return end(
      { rule: 'unused-cluster-ip', verdict: 'drop', hook, object: null, before, after: [], range },
      'drop',
    );
  }
  const unchanged = { verdict: 'continue', hook, object: null, before, after: [before] } as const;
  const [listener] =
    tuple !== null && isOwnAddress(node, destination) ? listenersIn(node.listeners, tuple, 1) : [];
  if (listener !== undefined) {
    const by = listener.held?.by ?? null;
    return end({ rule: 'host-listener', ...unchanged, listener: formatListener(listener), by }, 'none');
  }
  return end({ rule: 'no-destination-rule', ...unchanged }, 'none');
}

export function sentTo(packet: PacketState, endpoint: Endpoint): PacketState {
  return { ...packet, destination: endpoint.address, port: endpoint.port };
}

function sourceRangesStep(
  entry: ServiceFrontend | PodBinding,
  hook: Hook,
  before: PacketState,
): DestinationStep | null {
  if (entry.sourceRanges === null || before.source === 'node') return null;
  const allowed = formatSet(entry.sourceRanges);
  const { key, owner: object } = entry;
  return setContains(entry.sourceRanges, before.source)
    ? { rule: 'source-ranges', verdict: 'continue', hook, object, before, after: [before], key, allowed }
    : { rule: 'source-ranges', verdict: 'drop', hook, object, before, after: [], key, allowed };
}

function serve(
  frontend: ServiceFrontend,
  reach: EndpointReach,
  hook: Hook,
  before: PacketState,
  earlier: readonly DestinationStep[],
): DestinationOutcome {
  const endpoints = reach === 'local-only' ? (frontend.localEndpoints ?? []) : frontend.endpoints;
  const verdict = endpoints.length > 0 ? 'dnat' : frontend.unserved;
  const { key, origin, portName, owner: object } = frontend;
  const after = endpoints.map((endpoint) => sentTo(before, endpoint));
  return {
    steps: [
      ...earlier,
      { rule: 'service-frontend', verdict, hook, object, before, after, key, origin, portName, reach },
    ],
    verdict,
    endpoints,
    frontend,
  };
}

/** A pod counts as a pod even if its address is one of the node's own too. */
function reachOf(
  frontend: ServiceFrontend,
  scope: FamilyScope,
  node: WalkedNode,
  packet: Packet,
): EndpointReach {
  if (frontend.localEndpoints === null) return 'everyone';
  if (isFromPod(scope, node, packet)) return 'pod-source';
  return isOwnAddress(node, packet.source) ? 'node-source' : 'local-only';
}

function rangeOf(scope: FamilyScope, destination: Packet['destination']): string {
  const { family, ranges } = scope.serviceCIDRs;
  const range = ranges.find((candidate) => setContains({ family, ranges: [candidate] }, destination));
  return range === undefined ? '' : formatRange(family, range);
}
