import { BoundedMap } from '../../base/bounded-map.ts';

export const NONE: readonly never[] = Object.freeze([]);

/** The table is emptied above this many names: it only saves memory. */
const LIMIT = 100_000;

/**
 * Shares equal values of many facts in memory: node and zone names, lists of hints and ports. One per source.
 * Forgetting a value only costs memory.
 */
export class SharedValues {
  readonly #values = new BoundedMap<string, unknown>(LIMIT);

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
