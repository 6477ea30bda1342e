import { addressFromNumber } from '../../net/address.ts';
import type { PortSpan } from '../../net/port.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import {
  clusterAddressKey,
  type DialledPorts,
  podSourceKey,
  podSourcePortKey,
  scopeKey,
  sourcePortsKey,
  spanKey,
} from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { isPortClaim, isRange, laneName, laneOf, spanOf } from '../../plan/port-claims.ts';
import { addressesOf, type PlacedElement, rowOf } from './element.ts';
import { fieldsOf, unpack, widthOf } from './fields.ts';

/** Ports of an address, as the key of an element names them. */
interface KeyPorts extends DialledPorts {
  /** Whether packets go to them or come from them. */
  readonly way: 'to' | 'from';
}

/** Spans of ports that the plan has as ranges, by their lane. */
export type ClaimedPorts = ReadonlyMap<string, readonly PortSpan[]>;

export function claimedPorts(plan: Pick<NatPlan, 'entries'>): ClaimedPorts {
  const ports = new Map<string, PortSpan[]>();
  for (const entry of plan.entries()) {
    if (!isPortClaim(entry) || !isRange(entry)) continue;
    const lane = ports.get(laneOf(entry));
    if (lane === undefined) ports.set(laneOf(entry), [spanOf(entry)]);
    else lane.push(spanOf(entry));
  }
  return ports;
}

/**
 * True when the element, of a set whose row says `entry`, belongs to an entry of the plan, so that the plan decides about it.
 * An element of a frontend, binding or address that the plan does not have is unclaimed: its object is gone, or could not be
 * read. Ranges of ports may be cut otherwise than the plan's: they are claimed where the plan has some of their ports.
 */
export function isClaimed(
  plan: Pick<NatPlan, 'entry'>,
  claimed: ClaimedPorts,
  placed: PlacedElement,
): boolean {
  const { isShared, interval } = rowOf(placed);
  // Its owner is unknown, and it does nothing by itself.
  if (isShared) return false;
  if (interval) {
    const ports = portsIn(placed);
    if (ports === null) return true;
    const { way, tuple, portCount } = ports;
    const last = tuple.port + portCount - 1;
    return (claimed.get(laneName(way, tuple)) ?? []).some(
      (span) => span.first <= last && span.last >= tuple.port,
    );
  }
  const key = entryKeyOf(placed);
  return key === null || plan.entry(key) !== undefined;
}

/**
 * The key that the entry of this element has, if there is one; null for constants of the table, for what several entries have
 * together, and for a key of the kernel that names no address, protocol and port.
 */
export function entryKeyOf(placed: PlacedElement): string | null {
  const { entries, isShared } = rowOf(placed);
  const [kind] = entries;
  if (kind === undefined || isShared) return null;
  const { family, element } = placed;
  const { saddr, protocol } = fieldsOf(family);
  switch (kind) {
    case 'ServiceFrontend':
    case 'PodBinding':
    case 'PodSourcePort': {
      const ports = portsIn(placed);
      if (ports === null) return null;
      return (ports.way === 'to' ? spanKey : podSourcePortKey)(ports.tuple, ports.portCount);
    }
    case 'PodSource': {
      const found = unpack([saddr, protocol] as const, element.key);
      return found === null ? null : podSourceKey(...found);
    }
    case 'ClusterAddress': {
      const found = unpack([saddr] as const, element.key);
      return found === null ? null : clusterAddressKey(...found);
    }
    case 'FamilyScope':
      return scopeKey(family);
    case 'SourcePorts':
      return sourcePortsKey(family);
    case 'EgressSource': // several sources together
    case 'PodReservation':
    case 'ServiceHealthCheck':
      return null;
    default:
      return kind satisfies never;
  }
}

/** The ports that the first fields of the key name; null where they name none. */
function portsIn(placed: PlacedElement): KeyPorts | null {
  const { family, element } = placed;
  const { frontend, sender } = fieldsOf(family);
  const way = rowOf(placed).fields[0] === sender[0] ? 'from' : 'to';
  const { key, keyEnd = key } = element;
  const found = unpack(frontend, key.subarray(0, widthOf(frontend)));
  if (found === null) return null;
  const [address, protocol, port] = found;
  const last = unpack(frontend, keyEnd.subarray(0, widthOf(frontend)))?.[2] ?? port;
  return { way, tuple: { address, protocol, port }, portCount: last - port + 1 };
}

/** Keys of the entries that the elements belonged to and that the plan does not have. */
export function goneKeys(
  plan: Pick<NatPlan, 'entry'>,
  ...elements: readonly Iterable<PlacedElement>[]
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
  const { entries, interval, isShared } = rowOf(placed);
  if (entries[0] === 'EgressSource') {
    return plan.egressSource(addressFromNumber(placed.family, addressesOf(placed).first));
  }
  if (interval && !isShared && (entries[0] === 'PodBinding' || entries[0] === 'PodSourcePort')) {
    const ports = portsIn(placed);
    if (ports === null) return undefined;
    return ports.way === 'from' ? plan.sourceAt(ports.tuple) : plan.entryAt(ports.tuple);
  }
  const key = entryKeyOf(placed);
  return key === null ? undefined : plan.entry(key);
}
