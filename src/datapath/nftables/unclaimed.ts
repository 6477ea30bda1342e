import { addressFromBytes, addressNumber } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type PortSpan, parsePort } from '../../net/port.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { type AddressRange, type AddressSet, intersectionOf, unionOf } from '../../net/ranges.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import {
  clusterAddressKey,
  parsePortsKey,
  podSourceKey,
  podSourcePortKey,
  scopeKey,
  sourcePortsKey,
  spanKey,
} from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { isPortClaim, isRange, laneName, laneOf, spanOf } from '../../plan/port-claims.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { addressLength, type PlacedElement } from './element.ts';
import { RANGE_SETS, type SetName, SHARED_SETS } from './sets.ts';
import { isShared } from './shared-elements.ts';

/** What EgressRules made; their elements may neither overlap with each other nor with those that are kept. */
const RULE_SETS: readonly SetName[] = [
  'egress_to',
  'egress_to_addresses',
  'egress_from',
  'egress_from_addresses',
];

/** What bound ranges made; their elements overlap neither. */
const PORT_RANGE_SETS: readonly SetName[] = [
  'binding_ranges',
  'bound_ranges',
  'restricted_ranges',
  'pod_port_ranges',
];

/** What EgressRules of the plan speak of, and the ranges of ports that are bound. */
export interface ClaimedSources extends Readonly<Record<Family, AddressSet>> {
  /** By lane. */
  readonly ports: ReadonlyMap<string, readonly PortSpan[]>;
}

export function claimedSources(plan: Pick<NatPlan, 'entries'>): ClaimedSources {
  const ranges: Record<Family, AddressRange[]> = { IPv4: [], IPv6: [] };
  const ports = new Map<string, PortSpan[]>();
  for (const entry of plan.entries()) {
    if (entry.kind === 'EgressSource') ranges[entry.family].push(entry.range);
    else if (isPortClaim(entry) && isRange(entry)) {
      const lane = ports.get(laneOf(entry));
      if (lane === undefined) ports.set(laneOf(entry), [spanOf(entry)]);
      else lane.push(spanOf(entry));
    }
  }
  return { IPv4: unionOf('IPv4', ranges.IPv4), IPv6: unionOf('IPv6', ranges.IPv6), ports };
}

/** True when the first field of the element, a source address or a range of them, has an address of the set. */
function overlaps(sources: AddressSet, { key, keyEnd = key }: SetElement): boolean {
  const length = addressLength(sources.family);
  const first = addressNumber(addressFromBytes(key.subarray(0, length)));
  const last = addressNumber(addressFromBytes(keyEnd.subarray(0, length)));
  return intersectionOf(sources, { family: sources.family, ranges: [{ first, last }] }).ranges.length > 0;
}

/** True when the plan has ranges with some of the element's ports. */
function overlapsPorts({ ports }: ClaimedSources, { family, set, element }: PlacedElement): boolean {
  const { key, keyEnd = key } = element;
  const length = addressLength(family);
  const address = addressFromBytes(key.subarray(0, length));
  const protocol = protocolFromNumber(key[length] ?? 0);
  if (protocol === null) return true;
  const lane = laneName(set === 'pod_port_ranges' ? 'from' : 'to', { address, protocol });
  const portOf = (bytes: Uint8Array) => ((bytes[length + 4] ?? 0) << 8) | (bytes[length + 5] ?? 0);
  return (ports.get(lane) ?? []).some(({ first, last }) => first <= portOf(keyEnd) && last >= portOf(key));
}

/**
 * True when the element belongs to an entry of the plan, or to nobody's in particular (ranges, constants), so that the
 * plan decides about it. An element of a frontend, binding or address that the plan does not have is unclaimed: its object
 * is gone, or could not be read.
 */
export function isClaimed(
  plan: Pick<NatPlan, 'entry'>,
  sources: ClaimedSources,
  placed: PlacedElement,
): boolean {
  const { family, set, element } = placed;
  if (RULE_SETS.includes(set)) return overlaps(sources[family], element);
  if (PORT_RANGE_SETS.includes(set)) return overlapsPorts(sources, placed);
  // Whose it is cannot be told, and it does nothing by itself.
  if (isShared(placed)) return false;
  if (set === 'same_byte' || isRangeSet(set)) return true;
  const key = entryKeyOf(placed);
  return key === null || plan.entry(key) !== undefined;
}

/**
 * The key that the entry of this element has, if there is one; null for constants of the table, for what EgressRules
 * made (their elements are of several entries together), and for a key of the kernel that names no address, protocol
 * and port.
 */
export function entryKeyOf({ family, set, element: { key, keyEnd = key } }: PlacedElement): string | null {
  if (RULE_SETS.includes(set)) return null;
  const length = addressLength(family);
  if (set === 'same_byte' || SHARED_SETS.some((name) => name === set)) return null;
  if (set === 'source_ports' || set === 'egress_ports') return sourcePortsKey(family);
  if (isRangeSet(set)) return scopeKey(family);
  if (key.length < length) return null;
  const address = addressFromBytes(key.subarray(0, length));
  if (set === 'cluster_ips') return clusterAddressKey(address);
  const protocol = protocolFromNumber(key[length] ?? 0);
  if (protocol === null) return null;
  if (set === 'pod_sources') return podSourceKey(address, protocol);
  const port = parsePort(((key[length + 4] ?? 0) << 8) | (key[length + 5] ?? 0));
  if (port === null) return null;
  const tuple = { address, protocol, port };
  if (set === 'pod_ports') return podSourcePortKey(tuple, 1);
  const last = ((keyEnd[length + 4] ?? 0) << 8) | (keyEnd[length + 5] ?? 0);
  return spanKey(tuple, last - port + 1);
}

/** Keys of the entries that the elements belonged to and that the plan does not have. */
export function goneKeys(
  plan: Pick<NatPlan, 'entry'>,
  ...elements: readonly (readonly PlacedElement[])[]
): Set<string> {
  const gone = new Set<string>();
  for (const some of elements) {
    for (const placed of some) {
      const key = entryKeyOf(placed);
      if (key !== null && plan.entry(key) === undefined) gone.add(key);
    }
  }
  return gone;
}

/** The plan's entry that the element belongs to, or would with another value; of EgressRules, by its first source. */
export function entryOf(
  placed: PlacedElement,
  plan: Pick<NatPlan, 'entry' | 'entryAt' | 'sourceAt' | 'egressSource'>,
): PlanEntry | undefined {
  const { family, set, element } = placed;
  if (RULE_SETS.includes(set)) {
    return plan.egressSource(addressFromBytes(element.key.subarray(0, addressLength(family))));
  }
  const key = entryKeyOf(placed);
  if (key === null) return undefined;
  if (!PORT_RANGE_SETS.includes(set)) return plan.entry(key);
  const tuple = parsePortsKey(key)?.tuple;
  if (tuple === undefined) return undefined;
  return set === 'pod_port_ranges' ? plan.sourceAt(tuple) : plan.entryAt(tuple);
}

function isRangeSet(set: SetName): boolean {
  return (RANGE_SETS as readonly SetName[]).includes(set);
}
