import { type Sleeper, timers } from '../base/wake.ts';

/** Clock, timers and random numbers, replaceable in tests. */
export interface Surroundings extends Sleeper {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
}

export const processSurroundings: Surroundings = {
  now: () => performance.now(),
  random: () => Math.random(),
  ...timers,
};
