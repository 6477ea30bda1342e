/**
 * The elements of a frontend of a Service: its slots, of which each has an endpoint, and what it has once. Apart from each
 * other since most changes are one endpoint of many.
 */
import { familyOf } from '../../net/address.ts';
import type { AddressSet } from '../../net/ranges.ts';
import type { Endpoint, PlanEntry, ServiceFrontend } from '../../plan/entry.ts';
import { affinityPickChain, endpointIds, LOCAL_ID } from './affinity.ts';
import { affinityNumber, ENTERED_BY, POLICY_LOCAL, pickNumber } from './chain-numbers.ts';
import type { Contents, Elements } from './element.ts';
import { classFor, endpointMap, FEW, idMap, isExact, LOCAL_VIEW } from './pick-classes.ts';
import { indexIn, inSlot, isSameEndpoint, type Programmed, type Slots, slotCount, slotsOf } from './slots.ts';
import { listName } from './source-lists.ts';

type FrontendKey = Contents<'bindings'>['key'];

const VIEWS = [false, true] as const;

function keyOf({ tuple: { address, protocol, port } }: Views): FrontendKey {
  return [address, protocol, port];
}

/** All elements of a frontend, or all but those of its slots. */
export function putFrontend(
  entry: ServiceFrontend,
  programmed: Programmed,
  what: 'all' | 'all but slots',
  out: Elements,
): void {
  const { tuple, localEndpoints } = entry;
  const family = familyOf(tuple.address);
  const key = keyOf(entry);
  const address = { key: [key[0]] } as const;
  const counts = [slotCount(entry), slotCount({ endpoints: localEndpoints ?? [] })] as const;
  out.put(family, 'frontend_addresses', address);
  putNumbers(entry, out);
  if (what === 'all')
    for (const local of VIEWS) putSlots(entry, slotsOf(programmed, local), null, local, out);
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

/** What says where a frontend leads to. */
export type Views = Pick<
  ServiceFrontend,
  'tuple' | 'endpoints' | 'localEndpoints' | 'affinityTimeoutSeconds'
>;

/** All of its slots and numbers, and nothing else. */
export function putViews(views: Views, out: Elements): void {
  putNumbers(views, out);
  for (const local of VIEWS) {
    const endpoints = local ? (views.localEndpoints ?? []) : views.endpoints;
    putSlots(views, { endpoints, order: null }, null, local, out);
  }
}

/** The numbers of the chains that draw, where the frontend is a special one. */
function putNumbers(entry: Views, out: Elements): void {
  const { endpoints, localEndpoints, affinityTimeoutSeconds: timeout } = entry;
  const family = familyOf(entry.tuple.address);
  const key = keyOf(entry);
  const count = slotCount({ endpoints });
  const localCount = slotCount({ endpoints: localEndpoints ?? [] });
  if (count + localCount === 0) return;
  const numberOf = (some: number, local: boolean) =>
    (timeout === null ? pickNumber(some, local) : affinityNumber(timeout, local)).number;
  if (timeout !== null) {
    const chains = localEndpoints === null ? 'special_chains' : 'view_chains';
    for (const local of localEndpoints === null ? [false] : VIEWS) {
      const { number, chain } = affinityNumber(timeout, local);
      out.put(family, chains, { key: [number], verdict: { code: ENTERED_BY[chains], chain } });
      putAffinityPick(entry, local ? localCount : count, local, out);
    }
  }
  if (localEndpoints === null) {
    if (timeout === null && count <= FEW) return;
    out.put(family, 'special_frontends', { key, data: [numberOf(count, false)] });
    return;
  }
  out.put(family, 'special_frontends', { key, data: [POLICY_LOCAL.number] });
  if (count > 0) out.put(family, 'cluster_views', { key, data: [numberOf(count, false)] });
  if (localCount > 0) out.put(family, 'local_views', { key, data: [numberOf(localCount, true)] });
}

/** With session affinity, the way to the chain that draws among many. */
function putAffinityPick(entry: Views, count: number, local: boolean, out: Elements): void {
  if (count === 0 || isExact(classFor(count))) return;
  const set = local ? 'affinity_many_local' : 'affinity_many';
  const chain = affinityPickChain(classFor(count), local);
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
    isPickedAlike(old.endpoints, now) &&
    (old.localEndpoints === null || isPickedAlike(old.localEndpoints, now, true))
  );
}

/** Endpoints before have the same numbers as those of the view now. */
function isPickedAlike(old: readonly Endpoint[], now: ServiceFrontend, local = false): boolean {
  const endpoints = local ? (now.localEndpoints ?? []) : now.endpoints;
  const before = slotCount({ endpoints: old });
  const after = slotCount({ endpoints });
  if (before === after || before === 0 || after === 0) return before === after;
  const isNumbered = (count: number) => count > FEW || now.localEndpoints !== null;
  if (isNumbered(before) !== isNumbered(after)) return false;
  return !isNumbered(after) || classFor(before) === classFor(after);
}

/**
 * Those slots of both views that are not the same in another state of the entry; null, or an entry of another kind: all. What is
 * to be removed are the slots before beside those after; what is to be added, the other way round.
 */
export function putChangedSlots(programmed: Programmed, other: Programmed | null, out: Elements): void {
  const { entry } = programmed;
  if (entry.kind !== 'ServiceFrontend') return;
  for (const local of VIEWS) {
    if (local && entry.localEndpoints === null) return;
    const slots = slotsOf(programmed, local);
    const beside = other === null ? null : besideOf(entry, slots, other, local);
    if (slots.endpoints === beside?.endpoints && slots.order === beside.order) continue;
    putSlots(entry, slots, beside, local, out);
  }
}

function putSlots(entry: Views, slots: Slots, beside: Slots | null, local: boolean, out: Elements): void {
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
  const isSameMap =
    endpointMap(slotCount(slots), entry.localEndpoints !== null) ===
    endpointMap(slotCount(beside), other.entry.localEndpoints !== null);
  return isSameMap || hasAffinity ? beside : null;
}

/** Slot → endpoint. */
function putEndpoints(entry: Views, slots: Slots, beside: Slots | null, local: boolean, out: Elements): void {
  const family = familyOf(entry.tuple.address);
  const map = endpointMap(slotCount(slots), entry.localEndpoints !== null);
  const count = filledSlots(slots, map);
  const countBeside = beside === null ? 0 : filledSlots(beside, map);
  const first = local ? LOCAL_VIEW : 0;
  const { key, data } = slotContents;
  keyInto(key, entry);
  for (let slot = 0; slot < count; slot++) {
    const endpoint = inFilledSlot(slots, slot);
    if (slot < countBeside && isSameEndpoint(endpoint, inFilledSlot(beside as Slots, slot))) continue;
    data[0] = endpoint.address;
    data[1] = endpoint.port;
    if (map === 'endpoints_single') {
      out.put(family, map, { key: keyOf(entry), data });
      continue;
    }
    key[3] = first + slot;
    out.put(family, map, slotContents);
  }
}

/** Address, protocol, port, and slot or id. */
type SlotKey = [...FrontendKey, number];
type EndpointData = [...Required<Contents<'bindings'>>['data']];

/** The contents of one slot after the other: a change takes no memory for them. */
const slotContents = { key: [] as unknown as SlotKey, data: [] as unknown as EndpointData };

function keyInto(key: SlotKey, { tuple: { address, protocol, port } }: Views): void {
  key[0] = address;
  key[1] = protocol;
  key[2] = port;
}

/** Two of a few endpoints fill all slots, each two of them. */
function filledSlots(slots: Slots, map: ReturnType<typeof endpointMap>): number {
  const count = slotCount(slots);
  return map === 'endpoints_few' && count === 2 ? FEW : count;
}

function inFilledSlot(slots: Slots, slot: number): Endpoint {
  return inSlot(slots, slot % slotCount(slots));
}

/** Slot → id of the endpoint, and id → endpoint. */
function putIds(entry: Views, slots: Slots, beside: Slots | null, local: boolean, out: Elements): void {
  const family = familyOf(entry.tuple.address);
  const count = slotCount(slots);
  const map = idMap(count);
  const ids = endpointIds(slots.endpoints);
  const [first, mark] = local ? [LOCAL_VIEW, LOCAL_ID] : [0, 0];
  const standing = beside === null ? null : new StandingIds(beside, map);
  const { key } = slotContents;
  keyInto(key, entry);
  for (let slot = 0; slot < count; slot++) {
    const endpoint = inSlot(slots, slot);
    const id = ids[indexIn(slots, slot)] as number;
    const marked = id + mark;
    if (standing?.isInSlot(slot, id) !== true) {
      key[3] = first + slot;
      out.put(family, map, { key, data: [marked] });
    }
    if (standing?.isOf(slot, id, endpoint) === true) continue;
    key[3] = marked;
    out.put(family, 'affinity_endpoints', { key, data: [endpoint.address, endpoint.port] });
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
