/** Numbers that follow from a seed: the same seed draws the same faults. (mulberry32, by Tommy Ettinger: 32 bits of state.) */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The generator of one fault: independent of all faults before it. */
  static of(seed: number, index: number): Random {
    const random = new Random(seed ^ Math.imul(index + 1, 0x9e37_79b1));
    random.below(2); // neighbouring seeds begin alike
    return random;
  }

  /** A whole number from 0 up to, but without, the limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** A whole number; both ends are possible. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** Throws for an empty list. */
  pick<T>(all: readonly T[]): T {
    if (all.length === 0) throw new RangeError('nothing to choose from');
    return all[this.below(all.length)] as T;
  }
}
