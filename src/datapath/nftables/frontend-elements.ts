/**
 * The elements of a frontend of a Service: its slots, of which each has an endpoint, and what it has once. Apart from each
 * other since most changes are one endpoint of many.
 */
import { addressBytes, familyOf } from '../../net/address.ts';
import type { AddressSet } from '../../net/ranges.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { affinityChain, affinityPickChain, endpointIds, LOCAL_ID } from './affinity.ts';
import type { Contents, Elements } from './element.ts';
import { capacityFor, EXACT_CLASSES, endpointMap, idMap, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import { indexIn, inSlot, isSameEndpoint, type Programmed, type Slots, slotCount, slotsOf } from './slots.ts';
import { listName } from './source-lists.ts';

type FrontendKey = Contents<'bindings'>['key'];

const VIEWS = [false, true] as const;

function keyOf({ tuple: { address, protocol, port } }: ServiceFrontend): FrontendKey {
  return [addressBytes(address), protocol, port];
}

/** All elements of a frontend, or all but those of its slots. */
export function putFrontend(
  entry: ServiceFrontend,
  programmed: Programmed,
  what: 'all' | 'all but slots',
  out: Elements,
): void {
  const { tuple, localEndpoints, affinityTimeoutSeconds } = entry;
  const family = familyOf(tuple.address);
  const key = keyOf(entry);
  const address = { key: [key[0]] } as const;
  const counts = [slotCount(entry), slotCount({ endpoints: localEndpoints ?? [] })] as const;
  out.put(family, 'frontend_addresses', address);
  if (affinityTimeoutSeconds !== null && counts[0] + counts[1] > 0) {
    const verdict = { code: 'goto', chain: affinityChain(affinityTimeoutSeconds) } as const;
    out.put(family, 'affinity_frontends', { key });
    out.put(family, 'affinity_timeouts', { key, verdict });
  }
  for (const local of VIEWS) {
    if (what === 'all') putSlots(entry, slotsOf(programmed, local), null, local, out);
    putPick(entry, counts[local ? 1 : 0], local, out);
  }
  if (localEndpoints !== null) out.put(family, 'policy_local', { key });
  if (entry.masquerade === 'always') out.put(family, 'masquerade_always', { key });
  if (localEndpoints !== null || entry.masquerade === 'always') {
    out.put(family, 'outside_addresses', address);
  }
  if (counts[0] === 0 || (localEndpoints !== null && counts[1] === 0)) {
    out.put(family, entry.unserved === 'reject' ? 'no_endpoints' : 'no_local_endpoints', { key });
  }
  if (entry.sourceRanges !== null) putSources('restricted', { key }, entry.sourceRanges, out);
}

/** The way to the chain that draws among many. */
function putPick(entry: ServiceFrontend, count: number, local: boolean, out: Elements): void {
  if (count <= EXACT_CLASSES.length) return;
  const hasAffinity = entry.affinityTimeoutSeconds !== null;
  const many = local ? 'many_local' : 'many';
  const chain = (hasAffinity ? affinityPickChain : pickChain)(capacityFor(count), local);
  const set = hasAffinity ? (`affinity_${many}` as const) : many;
  out.put(familyOf(entry.tuple.address), set, { key: keyOf(entry), verdict: { code: 'goto', chain } });
}

/** The frontend leads to its list; the list is there once for all that have the same. */
export function putSources(
  set: 'restricted' | 'restricted_ranges',
  ports: Pick<Contents<'restricted'>, 'key' | 'last'>,
  sources: AddressSet,
  out: Elements,
): void {
  const { family, ranges } = sources;
  const name = listName(sources);
  out.put(family, set, { ...ports, data: [name] });
  out.put(family, 'restricted_addresses', { key: [ports.key[0]] });
  for (const { first, last } of ranges) {
    out.put(family, 'allowed_sources', { key: [first, name], last: [last, name] });
  }
}

/** Two frontends of one key differ in slots alone, if at all. */
export function isSameButSlots(old: PlanEntry | undefined, now: PlanEntry | undefined): boolean {
  if (old?.kind !== 'ServiceFrontend' || now?.kind !== 'ServiceFrontend') return false;
  return (
    old.affinityTimeoutSeconds === now.affinityTimeoutSeconds &&
    old.masquerade === now.masquerade &&
    old.unserved === now.unserved &&
    old.sourceRanges === now.sourceRanges &&
    (old.localEndpoints === null) === (now.localEndpoints === null) &&
    isPickedAlike(old.endpoints, now.endpoints) &&
    isPickedAlike(old.localEndpoints ?? [], now.localEndpoints ?? [])
  );
}

function isPickedAlike(old: readonly Endpoint[], now: readonly Endpoint[]): boolean {
  const [before, after] = [slotCount({ endpoints: old }), slotCount({ endpoints: now })];
  if ((before === 0) !== (after === 0)) return false;
  const [wasMany, isMany] = [before > EXACT_CLASSES.length, after > EXACT_CLASSES.length];
  return wasMany === isMany && (!isMany || capacityFor(before) === capacityFor(after));
}

/**
 * Those slots of both views that are not the same in another state of the entry; null, or an entry of another kind: all. What is
 * to be removed are the slots before beside those after; what is to be added, the other way round.
 */
export function putChangedSlots(programmed: Programmed, other: Programmed | null, out: Elements): void {
  const { entry } = programmed;
  if (entry.kind !== 'ServiceFrontend') return;
  for (const local of VIEWS) {
    const slots = slotsOf(programmed, local);
    const beside = other === null ? null : besideOf(entry, slots, other, local);
    if (slots.endpoints === beside?.endpoints && slots.order === beside.order) continue;
    putSlots(entry, slots, beside, local, out);
  }
}

function putSlots(
  entry: ServiceFrontend,
  slots: Slots,
  beside: Slots | null,
  local: boolean,
  out: Elements,
): void {
  if (slotCount(slots) === 0) return;
  const put = entry.affinityTimeoutSeconds === null ? putEndpoints : putIds;
  put(entry, slots, beside, local, out);
}

/** The view of the other state, if its slots lie in the same map. */
function besideOf(entry: ServiceFrontend, slots: Slots, other: Programmed, local: boolean): Slots | null {
  if (other.entry.kind !== 'ServiceFrontend') return null;
  const hasAffinity = other.entry.affinityTimeoutSeconds !== null;
  if (hasAffinity !== (entry.affinityTimeoutSeconds !== null)) return null;
  const beside = slotsOf(other, local);
  return endpointMap(slotCount(slots)) === endpointMap(slotCount(beside)) || hasAffinity ? beside : null;
}

/** Slot → endpoint. */
function putEndpoints(
  entry: ServiceFrontend,
  slots: Slots,
  beside: Slots | null,
  local: boolean,
  out: Elements,
): void {
  const [address, protocol, port] = keyOf(entry);
  const family = familyOf(entry.tuple.address);
  const count = slotCount(slots);
  const countBeside = beside === null ? 0 : slotCount(beside);
  const map = endpointMap(count);
  const first = local ? LOCAL_VIEW : 0;
  for (let slot = 0; slot < count; slot++) {
    const endpoint = inSlot(slots, slot);
    if (slot < countBeside && isSameEndpoint(endpoint, inSlot(beside as Slots, slot))) continue;
    out.put(family, map, {
      key: [address, protocol, port, first + slot],
      data: [endpoint.address, endpoint.port],
    });
  }
}

/** Slot → id of the endpoint, and id → endpoint. */
function putIds(
  entry: ServiceFrontend,
  slots: Slots,
  beside: Slots | null,
  local: boolean,
  out: Elements,
): void {
  const [address, protocol, port] = keyOf(entry);
  const family = familyOf(entry.tuple.address);
  const count = slotCount(slots);
  const map = idMap(count);
  const ids = endpointIds(slots.endpoints);
  const [first, mark] = local ? [LOCAL_VIEW, LOCAL_ID] : [0, 0];
  const standing = beside === null ? null : new StandingIds(beside, map);
  for (let slot = 0; slot < count; slot++) {
    const endpoint = inSlot(slots, slot);
    const id = ids[indexIn(slots, slot)] as number;
    const marked = id + mark;
    if (standing?.isInSlot(slot, id) !== true) {
      out.put(family, map, { key: [address, protocol, port, first + slot], data: [marked] });
    }
    if (standing?.isOf(slot, id, endpoint) === true) continue;
    out.put(family, 'affinity_endpoints', {
      key: [address, protocol, port, marked],
      data: [endpoint.address, endpoint.port],
    });
  }
}

/** The ids that a view has. */
class StandingIds {
  readonly #slots: Slots;
  readonly #count: number;
  readonly #ids: readonly number[];
  readonly #isSameMap: boolean;
  #byId: Map<number, Endpoint> | null = null;

  constructor(slots: Slots, map: string) {
    this.#slots = slots;
    this.#count = slotCount(slots);
    this.#ids = endpointIds(slots.endpoints);
    this.#isSameMap = idMap(this.#count) === map;
  }

  /** The slot of this map has it. */
  isInSlot(slot: number, id: number): boolean {
    return this.#isSameMap && this.#idIn(slot) === id;
  }

  /** It leads to this endpoint, which probably lies in this slot. */
  isOf(slot: number, id: number, endpoint: Endpoint): boolean {
    if (this.#idIn(slot) === id) return isSameEndpoint(inSlot(this.#slots, slot), endpoint);
    this.#byId ??= new Map(
      this.#ids.map((each, index) => [each, this.#slots.endpoints[index] as Endpoint] as const),
    );
    const found = this.#byId.get(id);
    return found !== undefined && isSameEndpoint(found, endpoint);
  }

  #idIn(slot: number): number | undefined {
    return slot < this.#count ? this.#ids[indexIn(this.#slots, slot)] : undefined;
  }
}
