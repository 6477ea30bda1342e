import type { Difference } from '../../delta/delta.ts';

/** A change of users that is decided about, and not done yet. */
export interface UseChange<Item> {
  /** The items that come with the first or go with the last of their users. */
  readonly changes: Difference<Item>;
  /** Counts them. */
  readonly done: () => void;
}

const noChange: UseChange<never> = Object.freeze({
  changes: Object.freeze({ add: Object.freeze([]), remove: Object.freeze([]) }),
  done: () => {},
});

/** How many users each item has: an item is there while one of them is. */
export class UseCount<Item> {
  readonly #nameOf: (item: Item) => string | number;
  readonly #users = new Map<string | number, number>();

  /** @param nameOf items of one name are the same */
  constructor(nameOf: (item: Item) => string | number) {
    this.#nameOf = nameOf;
  }

  /** Each item stands here once for each of its users. */
  static of<Item>(items: Iterable<Item>, nameOf: (item: Item) => string | number): UseCount<Item> {
    const count = new UseCount(nameOf);
    for (const item of items) count.add(nameOf(item));
    return count;
  }

  get names(): (string | number)[] {
    return [...this.#users.keys()];
  }

  /** One more user. True if it is the first. */
  add(name: string | number): boolean {
    const before = this.#users.get(name) ?? 0;
    this.#users.set(name, before + 1);
    return before === 0;
  }

  /** What becomes of the items when users go and come: costs the number of these, whatever else is counted. */
  after(gone: readonly Item[], come: readonly Item[]): UseChange<Item> {
    if (gone.length + come.length === 0) return noChange;
    const steps = new Map<string | number, { item: Item; by: number }>();
    const count = (item: Item, by: number) => {
      const name = this.#nameOf(item);
      const known = steps.get(name);
      if (known === undefined) steps.set(name, { item, by });
      else known.by += by;
    };
    for (const item of gone) count(item, -1);
    for (const item of come) count(item, 1);
    const add: Item[] = [];
    const remove: Item[] = [];
    for (const [name, { item, by }] of steps) {
      const before = this.#users.get(name) ?? 0;
      if (before === 0 && before + by > 0) add.push(item);
      else if (before > 0 && before + by <= 0) remove.push(item);
    }
    const done = () => {
      for (const [name, { by }] of steps) {
        const users = (this.#users.get(name) ?? 0) + by;
        if (users > 0) this.#users.set(name, users);
        else this.#users.delete(name);
      }
    };
    return { changes: { add, remove }, done };
  }
}
