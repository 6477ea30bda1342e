import { BoundedMap } from '../../base/bounded-map.ts';

export const NONE: readonly never[] = Object.freeze([]);

/** The table is emptied above this many names: it only saves memory. */
const LIMIT = 100_000;

/**
 * Shares equal values of many facts in memory: names, lists of ports, states of endpoints. One per source.
 * Forgetting a value only costs memory.
 */
export class SharedValues {
  readonly #texts = new BoundedMap<string, string>(LIMIT);
  readonly #values = new BoundedMap<string, unknown>(LIMIT);

  text(text: string): string {
    if (text === '') return '';
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /** The first list seen under this key; equal keys must mean equal lists. */
  list<Item>(key: string, list: readonly Item[]): readonly Item[] {
    return list.length === 0 ? NONE : this.value(key, list);
  }

  /** The first value seen under this key; equal keys must mean equal values. */
  value<Value extends object>(key: string, value: Value): Value {
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, value);
    return (known as Value | undefined) ?? value;
  }
}
