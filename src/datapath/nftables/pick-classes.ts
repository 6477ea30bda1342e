/**
 * How a random endpoint is picked without a chain per Service.
 *
 * A frontend with one endpoint lies in the map `endpoints_single`, without a slot.
 *
 * A frontend with 2 to 4 lies in `endpoints_few`, by slot. A random slot of 4 is asked for first: two endpoints fill two slots
 * each, so that 2 and 4 endpoints are found by this one lookup, and 3 of them three times of four. Where the fourth slot of three
 * was drawn, a slot of 3 is drawn. Each draw is even among the filled slots, so all endpoints are.
 *
 * A frontend with more, and each with policy Local, lies in `endpoints_many`, and is sent to the chain that draws for its
 * number. Up to 4 endpoints are drawn exactly. For more the chain draws a slot below the next power of two until it hits a
 * filled one. More than half of the slots are filled, so that a draw misses with p < 1/2 and all draws miss with p < 2^-16;
 * slot 0, always filled, is taken then. One endpoint more or less is one element, unless the number crosses a power of two.
 *
 * Chains have numbers (chain-numbers.ts), and frontends lead to numbers: a map of verdicts is examined as a whole by the kernel
 * at each change, a map of numbers is not.
 */

/** Slots of `endpoints_few`. */
export const FEW = 4;

/** Numbers of endpoints that are drawn exactly, and capacities; the last is more than any Service has endpoints. */
const EXACT: readonly number[] = [1, 2, 3, 4];
export const CLASSES: readonly number[] = [
  ...EXACT,
  ...[8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768],
];

/** Draws before slot 0 is taken. */
export const DRAWS = 16;

/** Slots of the view that sources outside of the cluster have of policy Local begin here. */
export const LOCAL_VIEW = 0x10000;

/** The most endpoints that one view of a frontend can have. */
export const MOST_ENDPOINTS = 32768;

export function isExact(capacity: number): boolean {
  return capacity <= EXACT.length;
}

/** The class for this number of endpoints, 1 or more. */
export function classFor(count: number): number {
  for (const capacity of CLASSES) if (capacity >= count) return capacity;
  throw new RangeError(`${count} endpoints: more than ${MOST_ENDPOINTS}`);
}

/** The map that holds the endpoints of a frontend with this many; with policy Local those of both views. */
export function endpointMap(
  count: number,
  hasLocalView: boolean,
): 'endpoints_single' | 'endpoints_few' | 'endpoints_many' {
  if (hasLocalView || count > FEW) return 'endpoints_many';
  return count === 1 ? 'endpoints_single' : 'endpoints_few';
}

/** The map that holds the ids of the endpoints of a view with this many. */
export function idMap(count: number): `affinity_ids_${'1' | '2' | '3' | '4' | 'many'}` {
  return `affinity_ids_${isExact(count) ? (String(count) as '1' | '2' | '3' | '4') : 'many'}`;
}

/** The chain that draws among this many slots, in the Cluster view or the Local view. */
export function pickChain(capacity: number, local: boolean): string {
  return local ? `pick_local_${capacity}` : `pick_${capacity}`;
}
