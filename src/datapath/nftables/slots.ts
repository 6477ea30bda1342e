import { compareAddresses } from '../../net/address.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { MOST_ENDPOINTS } from './pick-classes.ts';

/**
 * Which endpoint of a view lies in which slot, by its index among the endpoints of the view; null: each in the slot of its
 * index. The order of the slots has no meaning to packets; it is kept so that a change writes the least.
 */
export type SlotOrder = readonly number[] | null;

/** The endpoints of one view of a frontend, in their slots. */
export interface Slots {
  readonly endpoints: readonly Endpoint[];
  readonly order: SlotOrder;
}

/** What one entry of the plan is in the kernel: the entry, and how its endpoints lie in slots. */
export interface Programmed {
  readonly entry: PlanEntry;
  readonly order: SlotOrder;
  readonly localOrder: SlotOrder;
}

const noEndpoints: readonly Endpoint[] = Object.freeze([]);
const noSlots: Slots = Object.freeze({ endpoints: noEndpoints, order: null });

/** One of the views: for sources outside of the cluster with policy Local, or for all others. */
export function slotsOf({ entry, order, localOrder }: Programmed, local: boolean): Slots {
  if (entry.kind !== 'ServiceFrontend') return noSlots;
  if (!local) return { endpoints: entry.endpoints, order };
  return { endpoints: entry.localEndpoints ?? noEndpoints, order: localOrder };
}

/** How many slots are filled. */
export function slotCount({ endpoints }: Pick<Slots, 'endpoints'>): number {
  return Math.min(endpoints.length, MOST_ENDPOINTS);
}

/** The index of the endpoint in a slot below `slotCount`. */
export function indexIn({ order }: Slots, slot: number): number {
  return order === null ? slot : (order[slot] as number);
}

export function inSlot(slots: Slots, slot: number): Endpoint {
  return slots.endpoints[indexIn(slots, slot)] as Endpoint;
}

/** The entry with its endpoints in slots, as near to what was before as possible. */
export function program(entry: PlanEntry, before: Programmed | undefined): Programmed {
  if (before === undefined || before.entry.kind !== 'ServiceFrontend' || entry.kind !== 'ServiceFrontend') {
    return { entry, order: null, localOrder: null };
  }
  return {
    entry,
    order: arrange(slotsOf(before, false), entry.endpoints),
    localOrder: arrange(slotsOf(before, true), entry.localEndpoints ?? noEndpoints),
  };
}

/**
 * Puts the wanted endpoints into slots 0 to n - 1, staying as close as it can to the slots before: who stays and
 * has a slot below n keeps it, newcomers and those from above n fill the holes. Costs little more than a look at each
 * endpoint where both lists are sorted, as those of the plan are.
 */
export function arrange(before: Slots, wanted: readonly Endpoint[]): SlotOrder {
  if (wanted === before.endpoints) return before.order;
  const countBefore = slotCount(before);
  const count = slotCount({ endpoints: wanted });
  if (countBefore === 0 || count === 0) return null;
  const now = matched(before.endpoints, countBefore, wanted, count);
  return filled(count, (slot) =>
    slot < countBefore ? (now[before.order?.[slot] ?? slot] as number) : NOBODY,
  );
}

/** In the place of an index: nobody lies there, or nobody who is wanted. */
export const NOBODY = -1;

/** The order of this many slots, given who lies where; the others fill the holes. */
export function filled(count: number, indexIn: (slot: number) => number): SlotOrder {
  const order = scratch('order', count);
  const isPlaced = scratch('placed', count).fill(0, 0, count);
  for (let slot = 0; slot < count; slot++) {
    const index = indexIn(slot);
    order[slot] = index;
    if (index !== NOBODY) isPlaced[index] = 1;
  }
  let next = 0;
  let isAsPlanned = true;
  for (let slot = 0; slot < count; slot++) {
    if (order[slot] === NOBODY) {
      while (isPlaced[next] === 1) next++;
      order[slot] = next++;
    }
    isAsPlanned &&= order[slot] === slot;
  }
  if (isAsPlanned) return null;
  const kept = new Array<number>(count);
  for (let slot = 0; slot < count; slot++) kept[slot] = order[slot] as number;
  return kept;
}

/** For each of the first endpoints of one list, the index of the same endpoint in the other. */
function matched(
  before: readonly Endpoint[],
  countBefore: number,
  wanted: readonly Endpoint[],
  count: number,
): Int32Array {
  const now = scratch('now', countBefore);
  const left = scratch('left', count);
  let leftCount = 0;
  let missing = 0;
  let index = 0;
  for (let i = 0; i < countBefore; i++) {
    const old = before[i] as Endpoint;
    // Both lists are sorted: what comes before it in the other is new.
    while (
      index < count &&
      !isSameEndpoint(old, wanted[index] as Endpoint) &&
      follows(old, wanted[index] as Endpoint)
    ) {
      left[leftCount++] = index++;
    }
    if (index < count && isSameEndpoint(old, wanted[index] as Endpoint)) now[i] = index++;
    else {
      now[i] = NOBODY;
      missing++;
    }
  }
  while (index < count) left[leftCount++] = index++;
  if (missing === 0 || leftCount === 0) return now;
  if (leftCount <= FEW_LEFT) matchFew(before, countBefore, wanted, left, leftCount, now);
  else matchRest(before, countBefore, wanted, left.subarray(0, leftCount), now);
  return now;
}

/** So many are compared one by one. */
const FEW_LEFT = 4;

/** As `matchRest`, without taking memory. */
function matchFew(
  before: readonly Endpoint[],
  countBefore: number,
  wanted: readonly Endpoint[],
  left: Int32Array,
  leftCount: number,
  now: Int32Array,
): void {
  for (let i = 0; i < countBefore; i++) {
    for (let k = 0; now[i] === NOBODY && k < leftCount; k++) {
      const index = left[k] as number;
      if (index === NOBODY || !isSameEndpoint(before[i] as Endpoint, wanted[index] as Endpoint)) continue;
      now[i] = index;
      left[k] = NOBODY;
    }
  }
}

/** Finds those that are missing among those that are left, as in lists that are not sorted. */
function matchRest(
  before: readonly Endpoint[],
  countBefore: number,
  wanted: readonly Endpoint[],
  left: Int32Array,
  now: Int32Array,
): void {
  const open = new Map<string, number>();
  for (const index of left) open.set(nameOf(wanted[index] as Endpoint), index);
  for (let i = 0; i < countBefore; i++) {
    if (now[i] !== NOBODY) continue;
    const name = nameOf(before[i] as Endpoint);
    now[i] = open.get(name) ?? NOBODY;
    open.delete(name);
  }
}

export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a === b || (a.port === b.port && a.address === b.address);
}

function follows(a: Endpoint, b: Endpoint): boolean {
  return (compareAddresses(a.address, b.address) || a.port - b.port) > 0;
}

function nameOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

/** Numbers that are worked with during one call: a change takes no memory for them. */
const scratches = {
  now: new Int32Array(0),
  left: new Int32Array(0),
  placed: new Int32Array(0),
  order: new Int32Array(0),
};

function scratch(name: keyof typeof scratches, length: number): Int32Array {
  if (scratches[name].length < length) scratches[name] = new Int32Array(Math.max(64, 2 * length));
  return scratches[name];
}
