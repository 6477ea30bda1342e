import type { Surroundings } from '../kube-api/surroundings.ts';

/** Lets a loop sleep until something happened: what happens while it works is not lost. */
export class Wake {
  readonly #surroundings: Surroundings;
  #pending = false;
  #resume: (() => void) | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Something happened. Cheap; may be called any number of times. */
  notify(): void {
    this.#pending = true;
    this.#resume?.();
  }

  /**
   * Resolves with true when something happened, since the last call or now; with false after the time or at the
   * abort. Null: however long it takes.
   */
  async wait(milliseconds: number | null, signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      const early = new AbortController();
      this.#resume = () => early.abort();
      const either = AbortSignal.any([signal, early.signal]);
      // A timer may last 2^31 - 1 milliseconds at most.
      await this.#surroundings.sleep(milliseconds ?? 2 ** 31 - 1, either);
      this.#resume = null;
    }
    const happened = this.#pending;
    this.#pending = false;
    return happened;
  }
}
