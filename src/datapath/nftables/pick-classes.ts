/**
 * How a random endpoint is picked without a chain per Service.
 *
 * A frontend with 1 to 4 endpoints lies in the map `endpoints_N` of its number: one lookup with a random slot below
 * N decides, and since these are plain data maps, a change costs the kernel nothing but the element itself.
 *
 * A frontend with more lies in `endpoints_many`, and a verdict map sends it to the chain of its capacity, the next
 * power of two. The chain draws a slot below the capacity until it hits a filled one. More than half of the slots
 * are filled, so that a draw misses with p < 1/2 and all draws miss with p < 2^-16; slot 0, always filled, is
 * taken then. One endpoint more or less is one element, unless the number crosses a power of two: only that
 * writes a verdict, for which the kernel walks the verdict map once more.
 */
export const EXACT_CLASSES: readonly number[] = [1, 2, 3, 4];

/** Capacities of `endpoints_many`; the last is more than any Service has endpoints. */
export const CAPACITIES: readonly number[] = [
  8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768,
];

/** Draws before slot 0 is taken. */
export const DRAWS = 16;

/** Slots of the view that sources outside of the cluster have of policy Local begin here. */
export const LOCAL_VIEW = 0x10000;

/** The most endpoints that one view of a frontend can have. */
export const MOST_ENDPOINTS = 32768;

/** The capacity for this number of endpoints, 5 or more. */
export function capacityFor(count: number): number {
  for (const capacity of CAPACITIES) if (capacity >= count) return capacity;
  throw new RangeError(`${count} endpoints: more than ${MOST_ENDPOINTS}`);
}

/** The map that holds the endpoints of a view with this many. */
export function endpointMap(count: number): `endpoints_${SizeClass}` {
  return `endpoints_${sizeClass(count)}`;
}

/** The map that holds the ids of the endpoints of a view with this many. */
export function idMap(count: number): `affinity_ids_${SizeClass}` {
  return `affinity_ids_${sizeClass(count)}`;
}

type SizeClass = '1' | '2' | '3' | '4' | 'many';

function sizeClass(count: number): SizeClass {
  return count <= EXACT_CLASSES.length ? (String(count) as SizeClass) : 'many';
}

/** The chain that draws among this many slots, in the Cluster view or the Local view. */
export function pickChain(capacity: number, local: boolean): string {
  return local ? `pick_local_${capacity}` : `pick_${capacity}`;
}
