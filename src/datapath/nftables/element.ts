import { endianness } from 'node:os';
import type { InterfacePattern } from '../../model/node.ts';
import { addressBytes, familyOf, numberBytes } from '../../net/address.ts';
import { addressBits, type Family } from '../../net/family.ts';
import { type Protocol, protocolNumber } from '../../net/protocol.ts';
import { type AddressSet, changedRanges, complementOf, unionOf } from '../../net/ranges.ts';
import {
  type EgressOutcome,
  type EgressSource,
  type Endpoint,
  type FamilyScope,
  type PlanEntry,
  portBehind,
  type Tuple,
} from '../../plan/entry.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { affinityChain, affinityPickChain, endpointIds } from './affinity.ts';
import {
  capacityFor,
  EXACT_CLASSES,
  endpointMap,
  LOCAL_VIEW,
  MOST_ENDPOINTS,
  pickChain,
} from './pick-classes.ts';
import { shiftPieces } from './port-offset.ts';
import type { SetName } from './sets.ts';
import { listName } from './source-lists.ts';
import { sourcePortElements } from './source-port-elements.ts';

/** An element with the set that it belongs to, in the table of its family. */
export interface PlacedElement {
  readonly family: Family;
  readonly set: SetName;
  readonly element: SetElement;
}

/**
 * What one entry of the plan is in the kernel: the entry, and which endpoint lies in which slot. The order of the
 * slots has no meaning to packets; it is kept so that a change writes the least.
 */
export interface Programmed {
  readonly entry: PlanEntry;
  readonly slots: readonly Endpoint[];
  readonly localSlots: readonly Endpoint[];
}

/** Who lay in which slot; null for somebody who is not known. */
export interface SlotsBefore {
  readonly slots: readonly (Endpoint | null)[];
  readonly localSlots: readonly (Endpoint | null)[];
}

const noSlots: readonly Endpoint[] = Object.freeze([]);

/**
 * Puts the wanted endpoints into slots 0 to n - 1, staying as close as it can to the slots before: who stays and
 * has a slot below n keeps it, newcomers and those from above n fill the holes.
 */
export function arrange(
  before: readonly (Endpoint | null)[],
  wanted: readonly Endpoint[],
): readonly Endpoint[] {
  if (wanted.length === 0) return noSlots;
  if (before.length === 0) return wanted;
  const open = new Map(wanted.map((endpoint) => [slotName(endpoint), endpoint]));
  const slots: (Endpoint | undefined)[] = [];
  for (let slot = 0; slot < wanted.length; slot++) {
    const endpoint = before[slot];
    const name = endpoint === undefined || endpoint === null ? '' : slotName(endpoint);
    slots.push(open.get(name));
    open.delete(name);
  }
  const rest = open.values();
  return slots.map((endpoint) => endpoint ?? (rest.next().value as Endpoint));
}

function slotName(endpoint: Endpoint): string {
  return `${endpoint.address} ${endpoint.port}`;
}

/** The entry with its endpoints in slots, as near to `before` as possible. */
export function program(entry: PlanEntry, before: SlotsBefore | undefined): Programmed {
  if (entry.kind !== 'ServiceFrontend') return { entry, slots: noSlots, localSlots: noSlots };
  return {
    entry,
    slots: arrange(before?.slots ?? noSlots, entry.endpoints.slice(0, MOST_ENDPOINTS)),
    localSlots: arrange(
      before?.localSlots ?? noSlots,
      (entry.localEndpoints ?? noSlots).slice(0, MOST_ENDPOINTS),
    ),
  };
}

/** All elements of an entry. */
export function elementsOf({ entry, slots, localSlots }: Programmed): PlacedElement[] {
  const placed: PlacedElement[] = [];
  switch (entry.kind) {
    case 'ServiceFrontend': {
      const family = familyOf(entry.tuple.address);
      const key = tupleBytes(entry.tuple);
      const add = (set: SetName, element: SetElement) => placed.push({ family, set, element });
      if (entry.affinityTimeoutSeconds === null) {
        addView(add, key, slots, false);
        addView(add, key, localSlots, true);
      } else addAffinity(add, key, entry.affinityTimeoutSeconds, slots, localSlots);
      if (entry.localEndpoints !== null) add('policy_local', { key });
      if (entry.masquerade === 'always') add('masquerade_always', { key });
      if (slots.length === 0 || (entry.localEndpoints !== null && localSlots.length === 0)) {
        add(entry.unserved === 'reject' ? 'no_endpoints' : 'no_local_endpoints', { key });
      }
      addSources(add, 'restricted', { key }, entry.sourceRanges);
      break;
    }
    case 'PodBinding': {
      const family = familyOf(entry.tuple.address);
      const add = (set: SetName, element: SetElement) => placed.push({ family, set, element });
      const { tuple, endpoint, portCount, sourceRanges } = entry;
      const key = portsKey(tuple, portCount);
      if (portCount === 1) add('bindings', { ...key, data: endpointBytes(endpoint) });
      else addShifted(add, 'binding_ranges', tuple, endpoint, portCount);
      add(portCount === 1 ? 'bound' : 'bound_ranges', key);
      if (portCount > 1) add('range_addresses', { key: addressBytes(tuple.address) });
      addSources(add, portCount === 1 ? 'restricted' : 'restricted_ranges', key, sourceRanges);
      break;
    }
    case 'PodSource': {
      const key = Buffer.concat([addressBytes(entry.address), protocolBytes(entry.protocol)]);
      const element = { key, data: addressBytes(entry.snat) };
      const family = familyOf(entry.address);
      placed.push({ family, set: 'pod_sources', element });
      placed.push({ family, set: 'bound_sources', element: { key: addressBytes(entry.address) } });
      break;
    }
    case 'ClusterAddress':
      placed.push({
        family: familyOf(entry.address),
        set: 'cluster_ips',
        element: { key: addressBytes(entry.address) },
      });
      break;
    case 'PodReservation':
      break; // what it means for its pod is a PodSourcePort
    case 'PodSourcePort': {
      const { tuple, snat, portCount } = entry;
      const add = (set: SetName, element: SetElement) =>
        placed.push({ family: familyOf(tuple.address), set, element });
      if (portCount === 1) add('pod_ports', { key: tupleBytes(tuple), data: endpointBytes(snat) });
      else addShifted(add, 'pod_port_ranges', tuple, snat, portCount);
      add('bound_sources', { key: addressBytes(tuple.address) });
      break;
    }
    case 'SourcePorts':
      placed.push(...sourcePortElements(entry));
      break;
    case 'ServiceHealthCheck':
      break; // the agent answers, the kernel has nothing to do
    case 'FamilyScope':
      for (const [set, ranges] of scopeSets(entry)) addRanges(placed, set, ranges);
      addRestOfScope(placed, entry);
      break;
    case 'EgressSource':
      addEgressSource(placed, entry);
      break;
    default:
      entry satisfies never;
  }
  return placed;
}

/** The range sets of a scope. */
function scopeSets(scope: FamilyScope): readonly (readonly [SetName, AddressSet])[] {
  return [
    ['pods', scope.pods],
    ['service_cidrs', scope.serviceCIDRs],
    ['masquerade_to_cluster_ip', scope.masqueradeToClusterIP],
    ['invalid_dropped', scope.invalidDropped],
    ['egress_sources', scope.egressSources],
    ['egress_exempt', scope.egressExempt],
    ['pod_nat_internal', scope.podNatInternal],
  ];
}

/** What of a scope is no set of addresses. */
function addRestOfScope(placed: PlacedElement[], scope: FamilyScope): void {
  addInterface(placed, 'pod_interfaces', scope.family, scope.podInterface);
  addInterface(placed, 'unmasqueraded_interfaces', scope.family, scope.unmasqueradedInterface);
  addInterface(placed, 'egress_interfaces', scope.family, scope.egressInterface);
  addEgressAddress(placed, scope);
}

/**
 * Elements before and after a change of one entry, without those that a scope has in both: one pool of a thousand is
 * one range of a thousand.
 */
export function changedElements(
  old: Programmed | undefined,
  now: Programmed | null,
): { readonly before: readonly PlacedElement[]; readonly after: readonly PlacedElement[] } {
  if (old?.entry.kind !== 'FamilyScope' || now?.entry.kind !== 'FamilyScope') {
    return { before: old === undefined ? [] : elementsOf(old), after: now === null ? [] : elementsOf(now) };
  }
  const { family } = now.entry;
  const before: PlacedElement[] = [];
  const after: PlacedElement[] = [];
  const setsBefore = new Map(scopeSets(old.entry));
  for (const [set, ranges] of scopeSets(now.entry)) {
    const { gone, come } = changedRanges(setsBefore.get(set) ?? { family, ranges: [] }, ranges);
    addRanges(before, set, { family, ranges: gone });
    addRanges(after, set, { family, ranges: come });
  }
  addRestOfScope(before, old.entry);
  addRestOfScope(after, now.entry);
  return { before, after };
}

/** The elements that every table has, whatever the plan: the equal pairs of bytes. */
export function constantElements(family: Family): PlacedElement[] {
  return Array.from({ length: 256 }, (_, byte) => ({
    family,
    set: 'same_byte',
    element: { key: Uint8Array.of(byte, 0, 0, 0, byte, 0, 0, 0) },
  }));
}

type Add = (set: SetName, element: SetElement) => void;

function addView(add: Add, key: Uint8Array, slots: readonly Endpoint[], local: boolean): void {
  if (slots.length === 0) return;
  const map = endpointMap(slots.length) as SetName;
  for (const [slot, endpoint] of slots.entries()) {
    add(map, { key: slotKey(key, local ? LOCAL_VIEW + slot : slot), data: endpointBytes(endpoint) });
  }
  if (slots.length > EXACT_CLASSES.length) {
    const chain = pickChain(capacityFor(slots.length), local);
    add(local ? 'many_local' : 'many', { key, verdict: { code: 'goto', chain } });
  }
}

/** As two views of ids, the endpoints by id, and the way into the chain of the timeout. */
function addAffinity(
  add: Add,
  key: Uint8Array,
  timeout: number,
  slots: readonly Endpoint[],
  localSlots: readonly Endpoint[],
): void {
  if (slots.length + localSlots.length === 0) return;
  add('affinity_frontends', { key });
  add('affinity_timeouts', { key, verdict: { code: 'goto', chain: affinityChain(timeout) } });
  for (const [view, local] of [
    [slots, false],
    [localSlots, true],
  ] as const) {
    if (view.length === 0) continue;
    const ids = endpointIds(view, local);
    const map = idMap(view.length);
    for (const [slot, endpoint] of view.entries()) {
      const id = hostBytes(ids.get(endpoint) ?? 0);
      add(map, { key: slotKey(key, local ? LOCAL_VIEW + slot : slot), data: id });
      add('affinity_endpoints', { key: Buffer.concat([key, id]), data: endpointBytes(endpoint) });
    }
    if (view.length > EXACT_CLASSES.length) {
      const chain = affinityPickChain(capacityFor(view.length), local);
      add(local ? 'affinity_many_local' : 'affinity_many', { key, verdict: { code: 'goto', chain } });
    }
  }
}

/** The map that holds the ids of a view with this many endpoints. */
export function idMap(count: number): SetName {
  return count <= EXACT_CLASSES.length ? (`affinity_ids_${count}` as SetName) : 'affinity_ids_many';
}

/** The frontend leads to its list; the list is there once for all that have the same. */
function addSources(
  add: Add,
  set: 'restricted' | 'restricted_ranges',
  key: Pick<SetElement, 'key' | 'keyEnd'>,
  sources: AddressSet | null,
): void {
  if (sources === null) return;
  const name = listName(sources);
  add(set, { ...key, data: name });
  for (const { first, last } of sources.ranges) {
    const bound = (number: bigint) => Buffer.concat([numberBytes(sources.family, number), name]);
    add('allowed_sources', { key: bound(first), keyEnd: bound(last) });
  }
}

/** A port, or a range of ports. */
function portsKey(tuple: Tuple, portCount: number): Pick<SetElement, 'key' | 'keyEnd'> {
  const key = tupleBytes(tuple);
  if (portCount === 1) return { key };
  return { key, keyEnd: tupleBytes({ ...tuple, port: portBehind(tuple.port, portCount - 1) }) };
}

/** Ports that become others by their place in the range. */
function addShifted(
  add: Add,
  set: 'binding_ranges' | 'pod_port_ranges',
  from: Tuple,
  to: Endpoint,
  portCount: number,
): void {
  for (const { port, becomes, count } of shiftPieces(from.port, to.port, portCount)) {
    const end = (offset: number) =>
      endpointBytes({ address: to.address, port: portBehind(to.port, becomes - to.port + offset) });
    const tuple = { ...from, port: portBehind(from.port, port - from.port) };
    // A range of one port has two ends too: the set is one of ranges.
    const keyEnd = tupleBytes({ ...tuple, port: portBehind(tuple.port, count - 1) });
    add(set, { key: tupleBytes(tuple), keyEnd, data: Buffer.concat([end(0), end(count - 1)]) });
  }
}

export function addRanges(
  placed: PlacedElement[],
  set: SetName,
  { family, ranges }: AddressSet,
  value: EgressValue = {},
): void {
  const bound = (number: bigint) => numberBytes(family, number);
  for (const { first, last } of ranges) {
    placed.push({ family, set, element: { key: bound(first), keyEnd: bound(last), ...value } });
  }
}

/** natOutgoingAddress is the same for all sources: one element. */
function addEgressAddress(placed: PlacedElement[], { family, egress }: FamilyScope): void {
  if (egress.address === null) return;
  const all = complementOf(unionOf(family, []));
  addRanges(placed, 'egress_address', all, { data: addressBytes(egress.address) });
}

/** What a map says about a packet of egress NAT. */
type EgressValue = Pick<SetElement, 'data' | 'verdict'>;

/** Rules with destinations by cell, and one element for all else that leaves the pools. */
function addEgressSource(placed: PlacedElement[], { family, range, cells, rest }: EgressSource): void {
  for (const { destinations, protocols, ports, outcome } of cells) {
    const bound = (end: 'first' | 'last') =>
      Buffer.concat([
        numberBytes(family, range[end]),
        numberBytes(family, destinations[end]),
        Uint8Array.of(protocols[end], 0, 0, 0, ports[end] >> 8, ports[end] & 0xff, 0, 0),
      ]);
    const set = outcome.verdict === 'snat' ? 'egress_to_addresses' : 'egress_to';
    const element = { key: bound('first'), keyEnd: bound('last'), ...egressValue(outcome) };
    placed.push({ family, set, element });
  }
  if (rest === null) return;
  const set = rest.verdict === 'snat' ? 'egress_from_addresses' : 'egress_from';
  addRanges(placed, set, { family, ranges: [range] }, egressValue(rest));
}

function egressValue(outcome: EgressOutcome): EgressValue {
  switch (outcome.verdict) {
    case 'snat':
      return { data: addressBytes(outcome.to) };
    case 'keep':
      return { verdict: { code: 'accept' } };
    case 'masquerade':
      return { verdict: { code: 'goto', chain: 'egress_masquerade' } };
    case 'drop':
      return { verdict: { code: 'drop' } };
    default:
      return outcome satisfies never;
  }
}

/** Bytes of an interface name in a key: IFNAMSIZ. */
const INTERFACE_NAME = 16;

function addInterface(
  placed: PlacedElement[],
  set: SetName,
  family: Family,
  pattern: InterfacePattern | null,
): void {
  if (pattern === null) return;
  const name = Buffer.from(pattern.name);
  const padded = (byte: number) => Uint8Array.from({ length: INTERFACE_NAME }, (_, i) => name[i] ?? byte);
  placed.push({ family, set, element: { key: padded(0), keyEnd: padded(pattern.isPrefix ? 0xff : 0) } });
}

/** Address, protocol, port: each field padded to 4 bytes, the port in network order. */
export function tupleBytes({ address, protocol, port }: Tuple): Uint8Array {
  const ip = addressBytes(address);
  const bytes = new Uint8Array(ip.length + 8);
  bytes.set(ip);
  bytes[ip.length] = protocolNumber[protocol];
  bytes[ip.length + 4] = port >> 8;
  bytes[ip.length + 5] = port & 0xff;
  return bytes;
}

/** Address and port, as `dnat` takes them from a map. */
export function endpointBytes({ address, port }: Endpoint): Uint8Array {
  const ip = addressBytes(address);
  const bytes = new Uint8Array(ip.length + 4);
  bytes.set(ip);
  bytes[ip.length] = port >> 8;
  bytes[ip.length + 1] = port & 0xff;
  return bytes;
}

/** A number of 32 bits as marks have it: in host byte order. */
function hostBytes(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

/** The frontend with a slot, which `numgen` leaves in host byte order. */
export function slotKey(frontend: Uint8Array, slot: number): Uint8Array {
  const length = frontend.length;
  const bytes = new Uint8Array(length + 4);
  bytes.set(frontend);
  const low = littleEndian ? length : length + 3;
  const step = littleEndian ? 1 : -1;
  bytes[low] = slot & 0xff;
  bytes[low + step] = (slot >> 8) & 0xff;
  bytes[low + 2 * step] = (slot >> 16) & 0xff;
  return bytes;
}

const littleEndian = endianness() === 'LE';

function protocolBytes(protocol: Protocol): Uint8Array {
  return Uint8Array.of(protocolNumber[protocol], 0, 0, 0);
}

/** Bytes of an address in a key of this family. */
export function addressLength(family: Family): number {
  return addressBits[family] / 8;
}
