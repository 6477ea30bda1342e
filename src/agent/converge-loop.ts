import { Wake } from '../base/wake.ts';
import { type ConvergeOptions, type Datapath, type Report, together } from '../datapath/datapath.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** What the loop needs of the outside: injected, so that tests own the clock. */
export interface LoopSurroundings {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after this many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** A number from 0 to below 1. */
  random(): number;
}

export interface LoopListener {
  converged(report: Report, milliseconds: number): void;
  /** `retryInMs` until the next attempt; `milliseconds` of the one that failed. */
  failed(error: unknown, retryInMs: number, milliseconds: number): void;
}

/** First and longest wait after a failure, in milliseconds; doubled at each one in between. */
const RETRY_FIRST = 100;
const RETRY_LONGEST = 30_000;

/**
 * Makes the kernel match the plan, again and again.
 *
 * Guarantees:
 * 1. Nothing is written before `release`: not before every source is in sync.
 * 2. After `trigger` there is a converge with a plan that is at least as new.
 * 3. One converge at a time; what is triggered meanwhile is done together in the next.
 * 4. A failure is retried with growing, jittered waits, forever; a new trigger during a wait is tried at once, but
 *    never more often than the first wait.
 */
export class ConvergeLoop {
  readonly #datapath: Datapath;
  readonly #plan: () => NatPlan;
  readonly #options: () => ConvergeOptions;
  readonly #surroundings: LoopSurroundings;
  readonly #listener: LoopListener;
  readonly #wake: Wake;
  #triggered = false;
  #released = false;

  constructor(
    datapath: Datapath,
    plan: () => NatPlan,
    surroundings: LoopSurroundings,
    listener: LoopListener,
    options: () => ConvergeOptions = () => ({}),
  ) {
    this.#datapath = datapath;
    this.#plan = plan;
    this.#surroundings = surroundings;
    this.#wake = new Wake(surroundings);
    this.#listener = listener;
    this.#options = options;
  }

  /** Something changed: in the facts or in the kernel. */
  trigger(): void {
    this.#triggered = true;
    if (this.#released) this.#wake.notify();
  }

  /** Every source is in sync: writing may begin. */
  release(): void {
    this.#released = true;
    this.trigger();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let done: Report | null = null;
    while (!signal.aborted) {
      if (!(this.#triggered && this.#released)) {
        await this.#wake.wait(null, signal);
        continue;
      }
      this.#triggered = false;
      const start = this.#surroundings.now();
      try {
        const step = await this.#datapath.converge(this.#plan(), signal, {
          ...this.#options(),
          stepwise: true,
        });
        failures = 0;
        const { isPartial, ...report } = together(done, step);
        done = report;
        if (isPartial === true) {
          // What came meanwhile is done before the rest of what is large.
          this.#triggered = true;
          await this.#surroundings.sleep(0, signal);
          continue;
        }
        done = null;
        this.#listener.converged(report, this.#surroundings.now() - start);
      } catch (error) {
        if (signal.aborted) break;
        this.#triggered = true;
        const longest = Math.min(RETRY_FIRST * 2 ** failures++, RETRY_LONGEST);
        const wait = longest * (0.5 + this.#surroundings.random() / 2);
        this.#listener.failed(error, wait, this.#surroundings.now() - start);
        await this.#surroundings.sleep(RETRY_FIRST / 2, signal);
        await this.#wake.wait(wait - RETRY_FIRST / 2, signal);
      }
    }
  }
}
