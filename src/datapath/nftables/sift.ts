import { type Failure, Rejected } from '../../wire/errors.ts';

/** Those items that the kernel takes together, and what it says about each of the others. */
export interface Sifted<Item> {
  readonly accepted: readonly Item[];
  readonly refused: ReadonlyMap<Item, Failure>;
}

/**
 * Finds the items that the kernel refuses, by halves: about twice the logarithm of all for each of them. What comes first
 * has the place where two do not fit together. `check` throws Rejected for what is refused; where it refuses even
 * nothing at all, no item is to blame and that is thrown.
 */
export function sift<Item>(items: readonly Item[], check: (some: readonly Item[]) => void): Sifted<Item> {
  check([]);
  let accepted: readonly Item[] = [];
  const refused = new Map<Item, Failure>();
  const add = (some: readonly Item[]): void => {
    const failure = failureOf(() => check([...accepted, ...some]));
    if (failure === null) accepted = [...accepted, ...some];
    else if (some.length === 1) refused.set(some[0] as Item, failure);
    else {
      const half = some.length >> 1;
      add(some.slice(0, half));
      add(some.slice(half));
    }
  };
  if (items.length > 0) add(items);
  return { accepted, refused };
}

function failureOf(task: () => void): Failure | null {
  try {
    task();
    return null;
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    const { errno, extendedAck, offset } = error;
    return error.failures[0] ?? { subject: error.message, errno, extendedAck, offset };
  }
}
