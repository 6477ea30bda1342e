/** Bodies up to this many bytes are always taken: connections are few, so all of them together need little. */
export const SMALL_BODY = 64 << 10;

/**
 * Bytes of the bodies that are being received. When they are many, a source that has more than its share is refused, so a
 * client that holds large bodies open keeps no other from sending one. Small bodies are never refused.
 */
export class BodyShares {
  readonly #limit: number;
  readonly #bySource = new Map<string, number>();
  #total = 0;

  /** @param limit bytes above which shares count; all large bodies together take at most twice as many */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * False: the source has to stop. Its bytes count until they are given back all the same.
   * @param length the bytes of this body with these, of one source that may send several
   */
  take(source: string, bytes: number, length: number): boolean {
    const own = (this.#bySource.get(source) ?? 0) + bytes;
    this.#bySource.set(source, own);
    this.#total += bytes;
    if (this.#total <= this.#limit || length <= SMALL_BODY) return true;
    return own <= this.#limit / this.#bySource.size && this.#total <= 2 * this.#limit;
  }

  giveBack(source: string, bytes: number): void {
    const left = (this.#bySource.get(source) ?? 0) - bytes;
    if (left > 0) this.#bySource.set(source, left);
    else this.#bySource.delete(source);
    this.#total -= bytes;
  }
}
