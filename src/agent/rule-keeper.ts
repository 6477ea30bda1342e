import { type Sleeper, timers, Wake } from '../base/wake.ts';

/** Milliseconds to wait for the rest of a burst of changes. */
const BURST = 100;

/** Calls back when rules changed, or may have. Returns a function that stops watching. */
export type WatchRules = (onChange: () => void) => () => void;

export interface RuleWork {
  /** Reads the rules and corrects what it may. Never throws. */
  readonly settle: (signal: AbortSignal) => Promise<void>;
  readonly watch: WatchRules;
  /** Absent: timers of the process. */
  readonly sleeper?: Sleeper;
  /** Milliseconds between two looks without a notification: not every program's changes are notified. */
  readonly every: number;
  /** Whether looks without a notification are needed; absent: always. */
  readonly isPolled?: () => boolean;
  /** Rest after a look, as a multiple of its duration; absent: none. */
  readonly restPerWork?: number;
}

/**
 * Watches rules of this host that other programs change too. Guarantees:
 * 1. After `due`, and after a rule changed, a new look begins; changes in a burst share one look.
 * 2. Looks do not overlap: two looks that find no rule of ours would both add one.
 * 3. It subscribes to changes only after the first `due`, since that slows down the first, large programming.
 */
export class RuleKeeper {
  readonly #work: RuleWork;
  readonly #sleeper: Sleeper;
  readonly #wake: Wake;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(work: RuleWork) {
    this.#work = work;
    this.#sleeper = work.sleeper ?? timers;
    this.#wake = new Wake(this.#sleeper);
  }

  /** Our wishes changed; a look is needed. */
  due(): void {
    this.#wake.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { watch, every, isPolled = () => true, restPerWork = 0 } = this.#work;
    if (!(await this.#wake.wait(null, signal))) return;
    const stop = watch(() => this.#wake.notify());
    this.#wake.notify(); // what came before it listened
    let rest = BURST;
    try {
      while (!signal.aborted) {
        if (await this.#wake.wait(every, signal)) {
          await this.#sleeper.sleep(rest, signal);
          this.#wake.clear();
        } else if (!isPolled()) continue;
        if (signal.aborted) return;
        const start = performance.now();
        await this.settle(signal);
        rest = Math.max(BURST, (performance.now() - start) * restPerWork);
      }
    } finally {
      stop();
    }
  }

  /** Looks now, or once the present look has ended. */
  async settle(signal: AbortSignal): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(async () => {
      if (!signal.aborted) await this.#work.settle(signal);
    });
    await this.#lastTurn;
  }
}
