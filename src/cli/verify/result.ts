import type { ExpectationResultJson } from '../../forms/verify.ts';
import type { Line } from '../../forms/walk.ts';

/** As in `knat verify -o json`, but with the lines. */
export interface ExpectationResult extends ExpectationResultJson {
  /** Every step, for people; only of failures. */
  readonly explanation: readonly Line[];
}
