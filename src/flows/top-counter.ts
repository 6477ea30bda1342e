/**
 * Counts frequent keys in bounded memory (Misra and Gries, 1982): when all places are taken, every count is reduced by
 * one and keys at zero are dropped. A count is at most `uncertainty` too low and never too high; every key more
 * frequent than that is present.
 */
export class TopCounter<Key> {
  readonly #counts = new Map<Key, number>();
  readonly #places: number;
  /** How much a count may be too low: at most `added / (places + 1)`. */
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

  /** The most frequent keys first; equal ones in order of arrival. */
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
