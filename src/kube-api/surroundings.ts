import { type Sleeper, timers } from '../base/wake.ts';

/** Clock, timers and random numbers: given by the caller, so that tests control them. */
export interface Surroundings extends Sleeper {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** A number from 0 to below 1. */
  random(): number;
}

export const processSurroundings: Surroundings = {
  now: () => performance.now(),
  random: () => Math.random(),
  ...timers,
};
