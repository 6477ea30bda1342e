/**
 * Chains that frontends are sent to, by number: `special_chains` and `view_chains` lead from the number to the chain, other maps
 * from a frontend to the number. There are two, since a chain must not lead to itself. docs/design/packet-path.md shows the lookups.
 */
import { ALL_TIMEOUTS, affinityChain, keptTimeout } from './affinity.ts';
import { CLASSES, classFor, pickChain } from './pick-classes.ts';

/**
 * How they are entered. A chain of `special_chains` that finds no endpoint, since an update moves the frontend at this
 * moment, comes back to the rules behind; those of `view_chains` are entered by one of them and come back with it.
 */
export const ENTERED_BY = { special_chains: 'jump', view_chains: 'goto' } as const;

export interface NumberedChain {
  readonly number: number;
  readonly chain: string;
}

/** The chain that asks which view of a frontend with policy Local the source sees. */
export const POLICY_LOCAL: NumberedChain = Object.freeze({ number: 1, chain: 'policy_local_endpoints' });

/** The first numbers of the chains that draw, in each view, and of those of session affinity. */
const FIRST = { cluster: 100, local: 200, affinity: 1000, localAffinity: 2000 } as const;

/** The chain that draws among this many endpoints. */
export function pickNumber(count: number, local: boolean): NumberedChain {
  const capacity = classFor(count);
  const number = (local ? FIRST.local : FIRST.cluster) + CLASSES.indexOf(capacity);
  return { number, chain: pickChain(capacity, local) };
}

const timeouts = new Map(ALL_TIMEOUTS.map((timeout, index) => [timeout, index]));

/** The chain of session affinity with this timeout in seconds. */
export function affinityNumber(timeout: number, local: boolean): NumberedChain {
  const index = timeouts.get(keptTimeout(timeout)) ?? 0;
  const number = (local ? FIRST.localAffinity : FIRST.affinity) + index;
  return { number, chain: affinityChain(timeout, local) };
}

const picks = (local: boolean) => CLASSES.map((capacity) => pickNumber(capacity, local));

/** The chains that every table has. */
export const CONSTANT_CHAINS = Object.freeze({
  special_chains: [POLICY_LOCAL, ...picks(false)],
  view_chains: [...picks(false), ...picks(true)],
});
