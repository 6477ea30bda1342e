import type { Mismatch } from '../../explain/expectation.ts';
import type { Line } from '../../forms/walk.ts';

/** As in `knat verify -o json`, but with the lines. */
export interface ExpectationResult {
  readonly name: string;
  readonly origin: string;
  readonly node: string;
  readonly passed: boolean;
  /** `unknown`: it depends on addresses of the node that no object tells; then `unknown` says on which. */
  readonly outcome: 'met' | 'not-met' | 'unknown';
  readonly unknown: string | null;
  /** The packet as understood: `TCP 10.244.1.7 → 1.1.1.1:443`; empty if it was not. */
  readonly packet: string;
  readonly mismatches: readonly Mismatch[];
  /** Why no verdict was possible, such as a Pod that does not exist; null if it was. */
  readonly error: string | null;
  readonly notes: readonly string[];
  /** The object and rule that decided. */
  readonly because: string;
  /** Every step, for people; only of failures. */
  readonly explanation: readonly Line[];
}
