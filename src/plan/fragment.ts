import { findingOf, type Notice } from '../model/finding.ts';
import { type ObjectRef, refOf } from '../model/object.ts';
import type { PlanEntry } from './entry.ts';

/** The part of the plan that one object asks for (a Service with its slices, a Pod), or several objects together. */
export interface Fragment {
  readonly entries: readonly PlanEntry[];
  readonly notices: readonly Notice[];
}

export const emptyFragment: Fragment = Object.freeze({ entries: [], notices: [] });

interface Isolated<Item, Result> {
  readonly result: Result;
  readonly faulty: readonly { readonly item: Item; readonly error: unknown }[];
}

/**
 * A last line of defence, if a parser accepts what the plan cannot use. Makes the result of all items; if that throws,
 * leaves out items that throw alone; if the rest still throws, all. `make` of no items must not throw.
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

/** The fragment of one object; empty without it, and only a notice if `make` throws. */
export function fragmentOf<Fact extends { readonly namespace: string; readonly name: string }>(
  kind: ObjectRef['kind'],
  object: Fact | undefined,
  make: (object: Fact) => Fragment,
): Fragment {
  if (object === undefined) return emptyFragment;
  try {
    return make(object);
  } catch (error) {
    return { entries: [], notices: [unusable(refOf(kind, object), error)] };
  }
}

/** A notice: the object is left out because of an error inside knat. */
export function unusable(object: ObjectRef, error: unknown): Notice {
  const why = error instanceof Error ? error.message : String(error);
  return findingOf(
    'NatInvalid',
    object,
    `it is left out because of an error inside knat, which should be reported: ${why}`,
  );
}
