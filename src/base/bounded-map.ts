/** A map that keeps the newest entries and drops the oldest. An entry that is set again is the newest. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #limit: number;
  /**
   * Stands behind the entries that were dropped. A new iterator would first walk over the holes that these left: thousands,
   * in a large map.
   */
  #ages: Iterator<Key> | null = null;

  constructor(limit: number) {
    super();
    this.#limit = limit;
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
    if (oldest.done !== true) this.delete(oldest.value);
  }
}
