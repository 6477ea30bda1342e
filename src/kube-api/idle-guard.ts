import type { Surroundings } from './surroundings.ts';

/** Calls back once after a long silence: a dead connection may never report its end. */
export class IdleGuard {
  readonly #surroundings: Surroundings;
  readonly #done = new AbortController();
  #heardAt: number;

  /** @param idleMs tolerated silence in milliseconds; called each time */
  constructor(idleMs: () => number, onIdle: () => void, surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#heardAt = surroundings.now();
    void this.#watch(idleMs, onIdle);
  }

  touch(): void {
    this.#heardAt = this.#surroundings.now();
  }

  stop(): void {
    this.#done.abort();
  }

  async #watch(idleMs: () => number, onIdle: () => void): Promise<void> {
    const { signal } = this.#done;
    while (!signal.aborted) {
      const left = this.#heardAt + idleMs() - this.#surroundings.now();
      if (left <= 0) return onIdle();
      await this.#surroundings.sleep(left, signal);
    }
  }
}
