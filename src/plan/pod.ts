import { firstFew } from '../model/first-few.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Port, parsePort } from '../net/port.ts';
import { prefixContains, prefixSet } from '../net/prefix.ts';
import { type PodBinding, type PodSource, podSourceKey, tupleKey } from './entry.ts';
import { emptyFragment, type Fragment, type Notice } from './fragment.ts';
import { formatListener, listenerFinder } from './host-listeners.ts';
import type { PlanOptions } from './options.ts';
import { unusableOwnAddress } from './own-address.ts';

/**
 * What one Pod wants by its annotation: bindings (DNAT) while it is Ready, and the source address of what it starts
 * (SNAT) from the moment it has an address. specs/pod-nat.md, "What is programmed" and "Who wins".
 */
export function podFragment(pod: PodFact, node: NodeFacts, options: PlanOptions): Fragment {
  if (pod.nat === null || pod.nodeName !== node.nodeName) return emptyFragment;
  if (pod.finished || pod.terminating) return emptyFragment;
  const owner: ObjectRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name };
  const notices: Notice[] = pod.nat.warnings.map((message) => ({
    reason: 'NatInvalid',
    object: owner,
    message,
  }));
  const note = (reason: Notice['reason'], message: string) =>
    notices.push({ reason, object: owner, message });
  if (pod.nat.error !== null) {
    note(pod.nat.isRestricted ? 'NatRestricted' : 'NatInvalid', pod.nat.error);
    return { entries: [], notices };
  }
  if (pod.nat.entries.length > 0 && pod.hostNetwork) {
    note(
      'NatHostNetwork',
      'the pod uses the host network: its ports are the node’s already; remove the annotation',
    );
    return { entries: [], notices };
  }

  const bindings = new Map<string, PodBinding>();
  const sources = new Map<string, PodSource>();
  const listenerOn = listenerFinder(node.listeners);
  const { createdAt, uid } = pod;
  for (const [index, entry] of pod.nat.entries.entries()) {
    const reserved = reservedPort(entry, options);
    if (reserved !== null) {
      note('NatRestricted', `entry ${index}: ${reserved}`);
      continue;
    }
    for (const podAddress of pod.ips) {
      const family = familyOf(podAddress);
      const bound = entry.interfaceAuto ? publicAddress(family, node, options) : manualAddress(entry, family);
      if (bound === null) {
        if (entry.interfaceAuto) note('NatNoPublicAddress', noPublicAddress(index, family));
        continue;
      }
      const unusable = unusableOwnAddress(bound, node);
      if (unusable !== null) {
        note('NatAddressNotLocal', `entry ${index}: srcIP ${bound} ${unusable}`);
        continue;
      }
      if (pod.ready || !options.requireReady) {
        const taken: HostListener[] = [];
        for (const binding of bindingsOf(entry, bound, podAddress)) {
          const listener = entry.takeover ? undefined : listenerOn(binding.tuple);
          if (listener !== undefined) taken.push(listener);
          else if (!bindings.has(binding.key)) {
            bindings.set(binding.key, { ...binding, owner, createdAt, uid });
          }
        }
        if (taken.length > 0) note('NatHostPortInUse', hostPortInUse(index, bound, taken));
      }
      const key = podSourceKey(podAddress, entry.protocol);
      if (entry.egress && !sources.has(key)) {
        const { protocol } = entry;
        sources.set(key, {
          kind: 'PodSource',
          key,
          address: podAddress,
          protocol,
          owner,
          createdAt,
          uid,
          snat: bound,
        });
      }
    }
    const wanted = entry.sourceIP;
    if (!entry.interfaceAuto && wanted !== null && pod.ips.length > 0) {
      if (!pod.ips.some((address) => familyOf(address) === familyOf(wanted))) {
        note('NatInvalid', `entry ${index}: the pod has no ${familyOf(wanted)} address for srcIP ${wanted}`);
      }
    }
  }
  for (const message of blockedBy(node, [...bindings.values()])) note('NatBlockedByFirewall', message);
  return { entries: [...bindings.values(), ...sources.values()], notices };
}

/**
 * The node's public address of the family: the first, in the order in which they are preferred, that is eligible and
 * that the filter leaves; one by which a default route leaves comes before the others. Null when there is none.
 */
export function publicAddress(
  family: Family,
  node: Pick<NodeFacts, 'localAddresses'>,
  options: Pick<PlanOptions, 'publicAddressFilter' | 'publicAddressAllowed'>,
): IpAddress | null {
  const isPublic = (address: IpAddress) =>
    !options.publicAddressFilter.some((prefix) => prefixContains(prefix, address)) ||
    options.publicAddressAllowed.some((prefix) => prefixContains(prefix, address));
  const candidates = node.localAddresses.filter(
    (local) => local.eligible && familyOf(local.address) === family && isPublic(local.address),
  );
  return (candidates.find((local) => local.onDefaultRoute) ?? candidates[0])?.address ?? null;
}

function manualAddress(entry: PodNatEntry, family: Family): IpAddress | null {
  return entry.sourceIP !== null && familyOf(entry.sourceIP) === family ? entry.sourceIP : null;
}

function noPublicAddress(index: number, family: Family): string {
  return (
    `entry ${index}: this node has no public ${family} address; name one of its addresses ` +
    'with "ifaceAuto": false and "srcIP", or take its network out of the filter (exclfilternet)'
  );
}

function* bindingsOf(
  entry: PodNatEntry,
  bound: IpAddress,
  podAddress: IpAddress,
): Generator<Omit<PodBinding, 'owner' | 'createdAt' | 'uid'>> {
  const family = familyOf(bound);
  const sourceRanges = entry.allow === null ? null : prefixSet(family, entry.allow);
  for (let offset = 0; offset < entry.portCount; offset++) {
    const tuple = { address: bound, protocol: entry.protocol, port: portAt(entry.sourcePort, offset) };
    const endpoint = { address: podAddress, port: portAt(entry.destinationPort, offset) };
    yield { kind: 'PodBinding', key: tupleKey(tuple), tuple, endpoint, sourceRanges };
  }
}

function portAt(first: Port, offset: number): Port {
  const port = parsePort(first + offset);
  if (port === null) throw new RangeError(`port ${first + offset}: the parser admits no such range`);
  return port;
}

/** Ports that are named in one message. */
const PORTS_SHOWN = 5;

function hostPortInUse(index: number, bound: IpAddress, taken: readonly HostListener[]): string {
  const shown = firstFew(taken.map(formatListener), PORTS_SHOWN);
  return (
    `entry ${index}: this host itself listens on ${shown} (${taken[0]?.protocol}), so ${bound} is not bound there: ` +
    'end that program, choose another srcPort, or let the pod have it with "takeover": true'
  );
}

/** One message for each drop that concerns a family in which the pod has bindings. */
function blockedBy(node: NodeFacts, bindings: readonly PodBinding[]): string[] {
  const families = new Set(bindings.map(({ tuple }) => familyOf(tuple.address)));
  return node.forwardDrops
    .filter(({ family }) => families.has(family))
    .map(({ family, where, remedy }) => `${where} drops what this host forwards (${family}): ${remedy}`);
}

function reservedPort(entry: PodNatEntry, options: PlanOptions): string | null {
  const last = entry.sourcePort + entry.portCount - 1;
  const hit = options.reservedPorts.find((range) => entry.sourcePort <= range.last && last >= range.first);
  if (hit === undefined) return null;
  return `srcPort ${entry.sourcePort} is reserved for ${hit.why} (${hit.first}-${hit.last}); choose another`;
}
