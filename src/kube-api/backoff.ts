/** Milliseconds: the longest Retry-After that is followed. A wrong one must not end the agent's reading for a day. */
const LONGEST_ASKED = 5 * 60_000;

/** Waits that double after each failure up to a limit, each multiplied by 0.5 to 1 so that nodes spread. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #failures = 0;

  /** @param first first wait in milliseconds @param longest limit in milliseconds */
  constructor(first: number, longest: number, random: () => number) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** In milliseconds, at least `least` (the server's Retry-After, up to five minutes), which is jittered upwards. */
  next(least = 0): number {
    const wait = Math.min(this.#first * 2 ** this.#failures, this.#longest);
    this.#failures++;
    const random = this.#random();
    return Math.max(wait * (0.5 + random / 2), Math.min(least, LONGEST_ASKED) * (1 + random / 4));
  }

  reset(): void {
    this.#failures = 0;
  }
}
