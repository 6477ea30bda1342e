import { createHistogram } from 'node:perf_hooks';
import { after } from '../../base/beat.ts';

/** Milliseconds between two samples while the process works. */
const WORKING = 20;
/** The same at rest: together with other looks of the agent, so that nothing wakes up for it. */
const RESTING = 2_000;
/** After this many samples at work, and each at rest: does the process still work? */
const SAMPLES = 50;
/** Share of a processor from which on the process works. */
const BUSY = 0.02;

/** Seconds; all 0 if there was no sample. */
export interface LoopDelay {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

const NONE: LoopDelay = { min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 };

/** The parts of the process that a sampler uses. */
export interface LoopSurroundings {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds of processor time that the process has used. */
  used(): number;
  /** Calls back once, with the milliseconds by which it is late. Returns a function that forgets it. */
  after(milliseconds: number, task: (late: number) => void): () => void;
}

const ofProcess: LoopSurroundings = {
  now: () => performance.now(),
  used: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
  after,
};

/**
 * How late timers are because the event loop is busy. Samples are taken often while the process works and seldom at rest,
 * so that an idle agent sleeps: the monitor of Node.js would wake it up 50 times a second.
 */
export class LoopDelaySampler {
  readonly #surroundings: LoopSurroundings;
  readonly #histogram = createHistogram();
  #isWorking = true;
  #checkedAt = { now: 0, used: 0 };
  #samples = 0;
  #forget = () => {};

  constructor(surroundings: LoopSurroundings = ofProcess) {
    this.#surroundings = surroundings;
  }

  /** Takes samples until the signal aborts. */
  run(signal: AbortSignal): void {
    this.#check();
    this.#isWorking = true; // a process that starts
    this.#next();
    signal.addEventListener('abort', () => this.#forget(), { once: true });
  }

  /** Of the samples since the last call. */
  take(): LoopDelay {
    const histogram = this.#histogram;
    if (histogram.count === 0) return NONE;
    const delay = {
      min: histogram.min / 1e9,
      max: histogram.max / 1e9,
      mean: histogram.mean / 1e9,
      stddev: histogram.stddev / 1e9,
      p50: histogram.percentile(50) / 1e9,
      p90: histogram.percentile(90) / 1e9,
      p99: histogram.percentile(99) / 1e9,
    };
    histogram.reset();
    return delay;
  }

  #next(): void {
    this.#forget = this.#surroundings.after(this.#isWorking ? WORKING : RESTING, (late) => {
      this.#histogram.record(Math.max(Math.round(late * 1e6), 1));
      if (!this.#isWorking || ++this.#samples % SAMPLES === 0) this.#check();
      this.#next();
    });
  }

  #check(): void {
    const now = this.#surroundings.now();
    const used = this.#surroundings.used();
    this.#isWorking = used - this.#checkedAt.used > (now - this.#checkedAt.now) * BUSY;
    this.#checkedAt = { now, used };
  }
}
