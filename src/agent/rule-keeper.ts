import { type Sleeper, timers, Wake } from '../base/wake.ts';

/** Programs that change rules do so in bursts: milliseconds that are waited for the rest. */
const BURST = 100;

/** Calls back when somebody changed rules, or may have. Returns how to stop. */
export type WatchRules = (onChange: () => void) => () => void;

export interface RuleWork {
  /** Looks at the rules, and puts right what it may. Never throws. */
  readonly settle: (signal: AbortSignal) => Promise<void>;
  readonly watch: WatchRules;
  /** Absent: timers of the process. */
  readonly sleeper?: Sleeper;
  /** Milliseconds between two looks where nothing is heard: not every program's changes are. */
  readonly every: number;
  /** Whether such a look is needed; absent: always. */
  readonly isPolled?: () => boolean;
  /** After a look, rest at least so many times as long as it took; absent: not at all. */
  readonly restPerWork?: number;
}

/**
 * Looks at rules of this host that others change too. Guarantees:
 * 1. After `due`, and after somebody changed a rule, there is a look that begins later; changes in a burst have one.
 * 2. One look at a time: two that find no rule of ours would both make one.
 * 3. It listens to others only after the first `due`: listening makes the first, large programming slower.
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

  /** What is wanted changed. */
  due(): void {
    this.#wake.notify();
  }

  /** Runs until the signal aborts. */
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

  /** Looks now, after a look that is under way. */
  async settle(signal: AbortSignal): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(async () => {
      if (!signal.aborted) await this.#work.settle(signal);
    });
    await this.#lastTurn;
  }
}
