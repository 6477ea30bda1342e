import { addressFromBytes, addressNumber } from '../../net/address.ts';
import { parsePort } from '../../net/port.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { type AddressRange, unionOf } from '../../net/ranges.ts';
import { clusterAddressKey, podSourceKey, scopeKey, tupleKey } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { addRanges, addressLength, type PlacedElement } from './element.ts';
import { RANGE_SETS, type SetName } from './sets.ts';

/** Range sets that come from objects which may be unreadable at a start: the pools. */
const POOL_SETS: readonly SetName[] = [
  'egress_sources',
  'egress_exempt',
  'pod_nat_internal',
  'invalid_dropped',
];

/**
 * True when the element belongs to an entry of the plan, or to nobody's in particular (ranges, constants), so that the
 * plan decides about it. An element of a frontend, binding or address that the plan does not have is unclaimed: its object
 * is gone, or could not be read.
 */
export function isClaimed(plan: Pick<NatPlan, 'entry'>, placed: PlacedElement): boolean {
  if (placed.set === 'same_byte' || isRangeSet(placed.set)) return true;
  const key = entryKeyOf(placed);
  return key === null || plan.entry(key) !== undefined;
}

/**
 * The key that the entry of this element has, if there is one; null for constants of the table, and for a key of the
 * kernel that names no address, protocol and port.
 */
export function entryKeyOf({ family, set, element: { key } }: PlacedElement): string | null {
  const length = addressLength(family);
  if (set === 'same_byte') return null;
  if (isRangeSet(set)) return scopeKey(family);
  if (key.length < length) return null;
  const address = addressFromBytes(key.subarray(0, length));
  if (set === 'cluster_ips') return clusterAddressKey(address);
  const protocol = protocolFromNumber(key[length] ?? 0);
  if (protocol === null) return null;
  if (set === 'pod_sources') return podSourceKey(address, protocol);
  const port = parsePort(((key[length + 4] ?? 0) << 8) | (key[length + 5] ?? 0));
  return port === null ? null : tupleKey({ address, protocol, port });
}

/** The desired elements with the pool ranges that are in the kernel: the union of both. */
export function withPoolRanges(
  desired: Iterable<PlacedElement>,
  actual: readonly PlacedElement[],
): PlacedElement[] {
  const kept: PlacedElement[] = [];
  const ranges = new Map<string, { placed: PlacedElement; all: AddressRange[] }>();
  const collect = (placed: PlacedElement) => {
    const { family, set, element } = placed;
    const name = `${family} ${set}`;
    const first = addressNumber(addressFromBytes(element.key));
    const last = addressNumber(addressFromBytes(element.keyEnd ?? element.key));
    const known = ranges.get(name);
    if (known === undefined) ranges.set(name, { placed, all: [{ first, last }] });
    else known.all.push({ first, last });
  };
  for (const placed of desired) {
    if (POOL_SETS.includes(placed.set)) collect(placed);
    else kept.push(placed);
  }
  for (const placed of actual) {
    if (POOL_SETS.includes(placed.set) && placed.element.intervalEnd !== true) collect(placed);
  }
  for (const { placed, all } of ranges.values()) {
    addRanges(kept, placed.set, unionOf(placed.family, all));
  }
  return kept;
}

function isRangeSet(set: SetName): boolean {
  return (RANGE_SETS as readonly SetName[]).includes(set);
}
