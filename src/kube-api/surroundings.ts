/** Clock and chance: injected, so that tests own them. */
export interface Surroundings {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after this many milliseconds, or at once when the signal aborts; never rejects. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** A number from 0 to below 1. */
  random(): number;
}
