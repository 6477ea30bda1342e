/**
 * Counts how often keys come, in bounded memory however many keys there are (Misra and Gries, 1982): when all places
 * are taken, every count goes down by one and those at zero leave. A count is too low by at most `uncertainty`, never
 * too high; a key that comes more often than that is there.
 */
export class TopCounter<Key> {
  readonly #counts = new Map<Key, number>();
  readonly #places: number;
  /** By how much a count may be too low: 0 while there were places for all. At most `added / (places + 1)`. */
  uncertainty = 0;

  constructor(places: number) {
    this.#places = places;
  }

  add(key: Key): void {
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count + 1);
    else if (this.#counts.size < this.#places) this.#counts.set(key, 1);
    else this.#takeOneFromEach();
  }

  /** The keys that came most often, the first most; equal ones in the order in which they came. */
  top(count: number): { readonly key: Key; readonly count: number }[] {
    return [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([key, count]) => ({ key, count }));
  }

  #takeOneFromEach(): void {
    this.uncertainty++;
    for (const [key, count] of this.#counts) {
      if (count === 1) this.#counts.delete(key);
      else this.#counts.set(key, count - 1);
    }
  }
}
