/** Lets a loop sleep until something happened: events that come while it works are not lost. */
export class Wake {
  #pending = false;
  #resume: (() => void) | null = null;

  /** Something happened. Cheap; may be called any number of times. */
  notify(): void {
    this.#pending = true;
    this.#resume?.();
  }

  /** Resolves with true at once or when `notify` is called, with false after `milliseconds` or at the abort. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) await this.#sleep(milliseconds, signal);
    const happened = this.#pending;
    this.#pending = false;
    return happened;
  }

  #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#resume = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done, { once: true });
      this.#resume = done;
    });
  }
}
