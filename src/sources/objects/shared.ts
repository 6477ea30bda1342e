import { BoundedMap } from '../../base/bounded-map.ts';

/** The one empty list of all facts. */
export const NONE: readonly never[] = Object.freeze([]);

/** Names above this many are not remembered any longer: the table is a saving, not a store. */
const LIMIT = 100_000;

/**
 * Lets equal values of many facts be one value in memory: node and zone names, lists of hints, lists of ports.
 * One per source. Forgetting is harmless, it only costs memory.
 */
export class SharedValues {
  readonly #values = new BoundedMap<string, unknown>(LIMIT);

  /** The first equal text seen. */
  text(text: string): string {
    return text === '' ? '' : this.#remember(`s${text}`, () => text);
  }

  /** The first list seen under this key; equal keys must mean equal lists. */
  list<Item>(key: string, list: readonly Item[]): readonly Item[] {
    return list.length === 0 ? NONE : this.#remember(`l${key}`, () => list);
  }

  #remember<Value>(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known as Value;
    const value = make();
    this.#values.set(key, value);
    return value;
  }
}
