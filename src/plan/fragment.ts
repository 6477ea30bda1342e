import { findingOf, type Notice } from '../model/finding.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PlanEntry } from './entry.ts';

/** What one object (a Service with its slices, a Pod, the pools together) wants of the plan. */
export interface Fragment {
  readonly entries: readonly PlanEntry[];
  readonly notices: readonly Notice[];
}

export const emptyFragment: Fragment = Object.freeze({ entries: [], notices: [] });

/** What was made of all that can be used, and what cannot. */
interface Isolated<Item, Result> {
  readonly result: Result;
  readonly faulty: readonly { readonly item: Item; readonly error: unknown }[];
}

/**
 * A last line of defence: parsers let nothing through that the plan cannot use, and where one does, the others do not
 * suffer. Makes the result of all items. Where that throws, items that throw alone are left out, and all of
 * them where only several together do; `make` of none must not throw.
 */
export function isolated<Item, Result>(
  items: readonly Item[],
  make: (items: readonly Item[]) => Result,
): Isolated<Item, Result> {
  const attempt = (some: readonly Item[]) => {
    try {
      return { result: make(some) };
    } catch (error) {
      return { error };
    }
  };
  const all = attempt(items);
  if ('result' in all) return { result: all.result, faulty: [] };
  const faulty = items.flatMap((item) => {
    const alone = attempt([item]);
    return 'error' in alone ? [{ item, error: alone.error }] : [];
  });
  const rest = attempt(items.filter((item) => !faulty.some((each) => each.item === item)));
  if ('result' in rest) return { result: rest.result, faulty };
  return { result: make([]), faulty: items.map((item) => ({ item, error: rest.error })) };
}

/** The fragment of one object; only what is wrong with it where it cannot be worked out. */
export function fragmentOf(object: ObjectRef, make: () => Fragment): Fragment {
  try {
    return make();
  } catch (error) {
    return { entries: [], notices: [unusable(object, error)] };
  }
}

/** The object is left out for an error inside knat. */
export function unusable(object: ObjectRef, error: unknown): Notice {
  const why = error instanceof Error ? error.message : String(error);
  return findingOf(
    'NatInvalid',
    object,
    `it is left out for an error inside knat, which should be reported: ${why}`,
  );
}
