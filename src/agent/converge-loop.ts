import { setImmediate as turn } from 'node:timers/promises';
import { Wake } from '../base/wake.ts';
import { type ConvergeOptions, type Datapath, type Report, together } from '../datapath/datapath.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** Injected, so that tests control the clock. */
export interface LoopSurroundings {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Resolves early when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export interface LoopParts {
  readonly datapath: Pick<Datapath, 'converge'>;
  readonly surroundings: LoopSurroundings;
  readonly plan: () => NatPlan;
  /** Called for each attempt. */
  readonly options?: () => ConvergeOptions;
  readonly converged: (report: Report, milliseconds: number) => void;
  /** `milliseconds`: duration of the failed attempt. */
  readonly failed: (error: unknown, retryInMs: number, milliseconds: number) => void;
}

/** First and longest wait after a failure, in milliseconds; doubled after each failure. */
const RETRY_FIRST = 100;
const RETRY_LONGEST = 30_000;

/**
 * Makes the kernel match the plan, again and again.
 *
 * Guarantees:
 * 1. Nothing is written before `release`, that is, before every source is in sync.
 * 2. After `trigger`, a converge runs with a plan at least as new.
 * 3. Converges do not overlap; the next handles everything triggered during the previous.
 * 4. A failure is retried forever, with growing, jittered waits. A trigger ends a wait, but attempts are never closer
 *    than the first wait.
 */
export class ConvergeLoop {
  readonly #parts: LoopParts;
  readonly #wake: Wake;
  #triggered = false;
  #released = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#wake = new Wake(parts.surroundings);
  }

  /** The facts or the kernel changed. */
  trigger(): void {
    this.#triggered = true;
    if (this.#released) this.#wake.notify();
  }

  /** Every source is in sync; writing may begin. */
  release(): void {
    this.#released = true;
    this.trigger();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { datapath, surroundings, plan, options, converged, failed } = this.#parts;
    let failures = 0;
    let done: Report | null = null;
    while (!signal.aborted) {
      if (!(this.#triggered && this.#released)) {
        // What else arrives in this turn of the event loop is programmed together.
        if (await this.#wake.wait(null, signal)) await turn();
        continue;
      }
      this.#triggered = false;
      const start = surroundings.now();
      try {
        const step = await datapath.converge(plan(), signal, { ...options?.(), stepwise: true });
        failures = 0;
        if (step.isPartial === true) {
          const { isPartial: _, ...report } = together(done, step);
          done = report;
          // New changes are programmed before the rest of a large one.
          this.#triggered = true;
          await surroundings.sleep(0, signal);
          continue;
        }
        const report = together(done, step);
        done = null;
        converged(report, surroundings.now() - start);
      } catch (error) {
        if (signal.aborted) break;
        this.#triggered = true;
        const longest = Math.min(RETRY_FIRST * 2 ** failures++, RETRY_LONGEST);
        const wait = longest * (0.5 + surroundings.random() / 2);
        failed(error, wait, surroundings.now() - start);
        await surroundings.sleep(RETRY_FIRST / 2, signal);
        await this.#wake.wait(wait - RETRY_FIRST / 2, signal);
      }
    }
  }
}
