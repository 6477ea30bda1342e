import { firstFew } from '../model/first-few.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { formatPrefix, type Prefix, prefixSet } from '../net/prefix.ts';
import { type AddressSet, blockCount } from '../net/ranges.ts';
import { type PodBinding, type PodReservation, type PodSource, portBehind, type Tuple } from './entry.ts';
import { podSourceKey, spanKey } from './entry-key.ts';
import { emptyFragment, type Fragment, type Notice } from './fragment.ts';
import { heldByOthers } from './held-ports.ts';
import { formatListener, listenersIn } from './host-listeners.ts';
import type { PlanOptions } from './options.ts';
import { publicAddress, unusableOwnAddress } from './own-address.ts';
import {
  addressRefusal,
  type BeyondLimits,
  namespaceRefusal,
  portRefusal,
  TAKEOVER,
  TAKEOVER_REFUSED,
  withinLimits,
} from './pod-nat-policy.ts';

/**
 * What one Pod wants by its annotation: bindings (DNAT) while it is Ready, and the source address of what it starts
 * (SNAT) from the moment it has an address. docs/spec/pod-nat.md, "What is programmed" and "Who wins".
 *
 * @param peers what must be known of others to say whether the pod may
 */
export function podFragment(
  pod: PodFact,
  node: NodeFacts,
  options: PlanOptions,
  peers: PodPeers = noPeers,
): Fragment {
  if (pod.nat === null || !claimsPorts(pod, node)) return emptyFragment;
  const owner: ObjectRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name };
  const { podNatPolicy: policy } = options;
  const notices: Notice[] = pod.nat.warnings.map((message) => ({
    reason: 'NatInvalid',
    object: owner,
    message,
  }));
  const note = (reason: Notice['reason'], message: string) =>
    notices.push({ reason, object: owner, message });
  const refusal = namespaceRefusal(policy, pod.namespace, peers.namespaceLabels);
  if (refusal !== null) {
    note('NatRestricted', refusal);
    return { entries: [], notices };
  }
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

  const tooMany = beyondBounds(pod.nat.entries, options.sizes.networksPerList);
  if (tooMany !== null) {
    note('NatInvalid', tooMany);
    return { entries: [], notices };
  }
  const ports = new Map<string, PodBinding | PodReservation>();
  const sources = new Map<string, PodSource>();
  const sourceRangesOf = rangesByList();
  const listeners = heldByOthers(node.listeners, pod);
  const { createdAt, uid } = pod;
  const serves = pod.ready || !options.requireReady;
  for (const [index, entry] of pod.nat.entries.entries()) {
    const refused = portRefusal(policy, entry) ?? peers.beyondLimits.get(index) ?? null;
    if (refused !== null) {
      note('NatRestricted', `entry ${index}: ${refused}`);
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
      const foreign = addressRefusal(policy, bound);
      if (foreign !== null) {
        note('NatRestricted', `entry ${index}: ${foreign}`);
        continue;
      }
      const { protocol, egress } = entry;
      const tuple: Tuple = { address: bound, protocol, port: entry.sourcePort };
      const mayTake = entry.takeover && policy.takeover;
      const taken = mayTake ? [] : listenersIn(listeners, tuple, entry.portCount);
      if (serves) {
        for (const message of hostPortsInUse(index, bound, taken, entry.takeover))
          note('NatHostPortInUse', message);
      }
      if (serves || egress) {
        const whole = {
          tuple,
          portCount: entry.portCount,
          endpoint: { address: podAddress, port: entry.destinationPort },
          owner,
          createdAt,
          uid,
          order: index,
        };
        const sourceRanges = serves ? sourceRangesOf(family, entry.allow) : null;
        for (const stretch of besideListeners(whole, taken)) {
          if (ports.has(stretch.key)) continue;
          const claim: PodBinding | PodReservation = serves
            ? { kind: 'PodBinding', ...stretch, sourceRanges, egress }
            : { kind: 'PodReservation', ...stretch };
          ports.set(stretch.key, claim);
        }
      }
      const key = podSourceKey(podAddress, protocol);
      if (egress && !sources.has(key)) {
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
  for (const message of blockedBy(node, [...ports.values()])) note('NatBlockedByFirewall', message);
  return { entries: [...ports.values(), ...sources.values()], notices };
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

type Stretch = Omit<PodReservation, 'kind'>;

/** The ports of an entry without those on which the host listens, as stretches. */
function* besideListeners(whole: Omit<Stretch, 'key'>, taken: readonly HostListener[]): Generator<Stretch> {
  const first = whole.tuple.port;
  const end = first + whole.portCount;
  let next: number = first;
  for (const port of [...taken.map((listener) => listener.port), end]) {
    if (port > next) {
      const portCount = port - next;
      const tuple = { ...whole.tuple, port: portBehind(first, next - first) };
      const endpoint = { ...whole.endpoint, port: portBehind(whole.endpoint.port, next - first) };
      yield { ...whole, key: spanKey(tuple, portCount), tuple, portCount, endpoint };
    }
    next = port + 1;
  }
}

/** One object for equal lists of an annotation, worked out once. */
function rangesByList(): (family: Family, allow: readonly Prefix[] | null) => AddressSet | null {
  const known = new Map<string, AddressSet>();
  return (family, allow) => {
    if (allow === null) return null;
    const name = `${family} ${allow.map(formatPrefix).join()}`;
    const set = known.get(name) ?? prefixSet(family, allow);
    known.set(name, set);
    return set;
  };
}

/** Different entries of one Pod: more would let a single annotation fill the kernel's sets. docs/pod-nat.md, "How many". */
const MOST_ENTRIES = 1024;

/** Equal entries count once, as do equal lists. @param mostNetworks in all lists together */
function beyondBounds(entries: readonly PodNatEntry[], mostNetworks: number): string | null {
  const different = new Set<string>();
  const lists = new Map<string, number>();
  for (const entry of entries) {
    const { sourceIP, sourcePort, destinationPort, portCount, protocol, allow, egress, takeover } = entry;
    const list = allow === null ? '' : allow.map(formatPrefix).join();
    different.add(
      [sourceIP, sourcePort, destinationPort, portCount, protocol, egress, takeover, list].join(' '),
    );
    if (allow !== null && !lists.has(list)) lists.set(list, networkCount(allow));
  }
  if (different.size > MOST_ENTRIES) {
    return `${different.size} entries, and ${MOST_ENTRIES} have room: write neighbouring ports as a range`;
  }
  const allowed = [...lists.values()].reduce((sum, length) => sum + length, 0);
  if (allowed <= mostNetworks) return null;
  return `${allowed} networks in "allow", and ${mostNetworks} have room (--max-source-networks-per-list): name wider networks, or the same list in each entry`;
}

/** Of both families, neighbours joined. */
function networkCount(allow: readonly Prefix[]): number {
  const of = (family: Family) => prefixSet(family, allow);
  return FAMILIES.reduce((sum, family) => sum + blockCount(of(family)), 0);
}

/** Ports that are named in one message. */
const PORTS_SHOWN = 5;

/** One message for each who has some of the ports. */
function hostPortsInUse(
  index: number,
  bound: IpAddress,
  taken: readonly HostListener[],
  isTakeover: boolean,
): string[] {
  const byHolder = new Map<string | null, HostListener[]>();
  for (const listener of taken) {
    const by = listener.held?.by ?? null;
    byHolder.set(by, [...(byHolder.get(by) ?? []), listener]);
  }
  return [...byHolder].map(([by, ports]) => {
    const shown = `${firstFew(ports.map(formatListener), PORTS_SHOWN)} (${ports[0]?.protocol})`;
    const [who, end] =
      by === null
        ? [`this host itself listens on ${shown}`, 'end that program']
        : [`${by} has ${shown}`, 'take that away'];
    return (
      `entry ${index}: ${who}, so ${bound} is not bound there: ` +
      `${end}, or choose another srcPort; ${isTakeover ? TAKEOVER_REFUSED : TAKEOVER}`
    );
  });
}

/** One message for each drop that concerns a family in which the pod has bindings. */
function blockedBy(node: NodeFacts, ports: readonly (PodBinding | PodReservation)[]): string[] {
  const bindings = ports.filter(({ kind }) => kind === 'PodBinding');
  const families = new Set(bindings.map(({ tuple }) => familyOf(tuple.address)));
  return node.forwardDrops
    .filter(({ family }) => families.has(family))
    .map(({ family, where, remedy }) => `${where} drops what this host forwards (${family}): ${remedy}`);
}

/** Whether the annotation of the pod counts on this node at all. */
export function claimsPorts(pod: PodFact, node: Pick<NodeFacts, 'nodeName'>): boolean {
  return pod.nat !== null && pod.nodeName === node.nodeName && !pod.finished && !pod.terminating;
}

/** What the pod must be compared with. */
export interface PodPeers {
  /** Of the pod's Namespace; null: not known. */
  readonly namespaceLabels: Readonly<Record<string, string>> | null;
  readonly beyondLimits: BeyondLimits;
}

const noPeers: PodPeers = Object.freeze({ namespaceLabels: null, beyondLimits: withinLimits });
