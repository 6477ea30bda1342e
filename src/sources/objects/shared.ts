import { BoundedMap } from '../../base/bounded-map.ts';

export const NONE: readonly never[] = Object.freeze([]);

/** The table is emptied above this many names: it only saves memory. */
const LIMIT = 100_000;

/**
 * Shares equal values of many facts in memory: node and zone names, lists of hints and ports. One per source.
 * Forgetting a value only costs memory.
 */
export class SharedValues {
  readonly #texts = new BoundedMap<string, string>(LIMIT);
  readonly #lists = new BoundedMap<string, readonly unknown[]>(LIMIT);

  text(text: string): string {
    if (text === '') return '';
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return known ?? text;
  }

  /** The first list seen under this key; equal keys must mean equal lists. */
  list<Item>(key: string, list: readonly Item[]): readonly Item[] {
    if (list.length === 0) return NONE;
    const known = this.#lists.get(key);
    if (known === undefined) this.#lists.set(key, list);
    return (known as readonly Item[] | undefined) ?? list;
  }
}
