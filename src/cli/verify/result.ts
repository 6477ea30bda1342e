import type { Mismatch } from '../../explain/expectation.ts';
import type { Line } from '../../forms/walk.ts';

/** What came of one expectation: the form of `knat verify -o json`, without the lines. */
export interface ExpectationResult {
  readonly name: string;
  /** `FILE:LINE`. */
  readonly origin: string;
  readonly node: string;
  readonly passed: boolean;
  /** The packet as it was understood: `TCP 10.244.1.7 → 1.1.1.1:443`; empty where it could not be. */
  readonly packet: string;
  readonly mismatches: readonly Mismatch[];
  /** Why it could not be judged: a Pod that does not exist; null when it was. */
  readonly error: string | null;
  readonly notes: readonly string[];
  /** The object and rule that decided. */
  readonly because: string;
  /** Every step, for people: only of what failed. */
  readonly explanation: readonly Line[];
}
