import { after } from './beat.ts';

export interface Sleeper {
  /** Resolves after this time (long ones on a beat), or at once when the signal aborts; never rejects. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Lets a loop sleep until it is notified; notifications while it works are not lost. */
export class Wake {
  readonly #sleeper: Sleeper;
  #pending = false;
  #resume: () => void = () => {};

  /** @param sleeper absent: timers of the process */
  constructor(sleeper: Sleeper = timers) {
    this.#sleeper = sleeper;
  }

  /** Cheap; may be called any number of times. */
  notify(): void {
    this.#pending = true;
    this.#resume();
  }

  clear(): void {
    this.#pending = false;
  }

  /** True on a notification, also one since the last call; false after the time (null: no limit) or on abort. */
  async wait(milliseconds: number | null, signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      await (milliseconds === null ? this.#resumed(signal) : this.#slept(milliseconds, signal));
    }
    const happened = this.#pending;
    this.clear();
    return happened;
  }

  /** Makes no AbortController, which costs as much as a small change of the kernel. */
  async #resumed(signal: AbortSignal): Promise<void> {
    let stop: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      stop = resolve;
    });
    this.#resume = stop;
    signal.addEventListener('abort', stop);
    await over;
    signal.removeEventListener('abort', stop);
    this.#resume = () => {};
  }

  async #slept(milliseconds: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    const stop = () => early.abort();
    this.#resume = stop;
    signal.addEventListener('abort', stop);
    await this.#sleeper.sleep(milliseconds, early.signal);
    signal.removeEventListener('abort', stop);
    this.#resume = () => {};
  }
}

export const timers: Sleeper = { sleep: timer };

function timer(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      forget();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const forget = after(milliseconds, done);
    signal.addEventListener('abort', done);
  });
}
