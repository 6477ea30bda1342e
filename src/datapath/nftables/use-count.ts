import type { Difference } from '../../delta/delta.ts';

/** How many users each item has: an item is there while one of them is. Immutable. */
export class UseCount<Item> {
  readonly #nameOf: (item: Item) => string;
  readonly #users: ReadonlyMap<string, number>;

  private constructor(nameOf: (item: Item) => string, users: ReadonlyMap<string, number>) {
    this.#nameOf = nameOf;
    this.#users = users;
  }

  /** Each item stands here once for each of its users; items of one name are the same. */
  static of<Item>(items: Iterable<Item>, nameOf: (item: Item) => string): UseCount<Item> {
    return new UseCount(nameOf, new Map()).#with([], items).now;
  }

  get names(): string[] {
    return [...this.#users.keys()];
  }

  /** The users after a change, and the items that came with the first or went with the last of them. */
  after(
    gone: readonly Item[],
    come: readonly Item[],
  ): { readonly now: UseCount<Item>; readonly changes: Difference<Item> } {
    if (gone.length + come.length === 0) return { now: this, changes: { add: [], remove: [] } };
    return this.#with(gone, come);
  }

  #with(gone: Iterable<Item>, come: Iterable<Item>) {
    const steps = new Map<string, { item: Item; by: number }>();
    const count = (item: Item, by: number) => {
      const name = this.#nameOf(item);
      const known = steps.get(name);
      if (known === undefined) steps.set(name, { item, by });
      else known.by += by;
    };
    for (const item of gone) count(item, -1);
    for (const item of come) count(item, 1);
    const users = new Map(this.#users);
    const add: Item[] = [];
    const remove: Item[] = [];
    for (const [name, { item, by }] of steps) {
      const before = users.get(name) ?? 0;
      const after = before + by;
      if (after > 0) users.set(name, after);
      else users.delete(name);
      if (before === 0 && after > 0) add.push(item);
      else if (before > 0 && after <= 0) remove.push(item);
    }
    return { now: new UseCount(this.#nameOf, users), changes: { add, remove } };
  }
}
