import type { Difference } from '../../delta/delta.ts';
import { elementComparison, type PlacedElement, rowOf } from './element.ts';

export function isShared(placed: PlacedElement): boolean {
  return rowOf(placed).isShared;
}

/** How many entries of the plan have each of the elements that they share. */
export class SharedElements {
  readonly #users: ReadonlyMap<string, number>;

  private constructor(users: ReadonlyMap<string, number>) {
    this.#users = users;
  }

  static of(elements: Iterable<PlacedElement>): SharedElements {
    return new SharedElements(new Map()).#with([], elements).now;
  }

  /** The users after a change, and the elements that came with the first or went with the last of them. */
  after(
    gone: readonly PlacedElement[],
    come: readonly PlacedElement[],
  ): { readonly now: SharedElements; readonly changes: Difference<PlacedElement> } {
    if (gone.length + come.length === 0) return { now: this, changes: { add: [], remove: [] } };
    return this.#with(gone, come);
  }

  #with(gone: Iterable<PlacedElement>, come: Iterable<PlacedElement>) {
    const steps = new Map<string, { element: PlacedElement; by: number }>();
    const count = (element: PlacedElement, by: number) => {
      const name = elementComparison.identity(element);
      const known = steps.get(name);
      if (known === undefined) steps.set(name, { element, by });
      else known.by += by;
    };
    for (const element of gone) count(element, -1);
    for (const element of come) count(element, 1);
    const users = new Map(this.#users);
    const add: PlacedElement[] = [];
    const remove: PlacedElement[] = [];
    for (const [name, { element, by }] of steps) {
      const before = users.get(name) ?? 0;
      const after = before + by;
      if (after > 0) users.set(name, after);
      else users.delete(name);
      if (before === 0 && after > 0) add.push(element);
      else if (before > 0 && after <= 0) remove.push(element);
    }
    return { now: new SharedElements(users), changes: { add, remove } };
  }
}
