/** A map that keeps the newest entries and drops the oldest. An entry that is set again is the newest. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #limit: number;
  readonly #dropped: () => void;
  /**
   * Stands behind the entries that were dropped. A new iterator would first walk over the holes that these left: thousands,
   * in a large map.
   */
  #ages: Iterator<Key> | null = null;

  /** @param dropped called for each entry that is dropped */
  constructor(limit: number, dropped: () => void = () => {}) {
    super();
    this.#limit = limit;
    this.#dropped = dropped;
  }

  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#limit) this.#dropOldest();
    return this;
  }

  #dropOldest(): void {
    let oldest = this.#ages?.next();
    if (oldest === undefined || oldest.done === true) {
      this.#ages = this.keys();
      oldest = this.#ages.next();
    }
    if (oldest.done === true) return;
    this.delete(oldest.value);
    this.#dropped();
  }
}
