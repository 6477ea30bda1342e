import type { ApiClient } from '../../kube-api/client.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import type { SideCode } from '../../model/finding-codes.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { StoreOutcome } from '../store-outcome.ts';

export interface StatusParts {
  readonly client: ApiClient;
  /** The name of the Node and of its NodeNAT. */
  readonly node: string;
  readonly surroundings: Surroundings & { wallClock(): Date };
  /** The uid of a Pod or Service from the sources; null: look it up. */
  readonly uidOf: (kind: ObjectRef['kind'], key: string) => string | null;
  /** The text must not change while the trouble lasts; null: it is over. */
  readonly trouble: (code: SideCode, message: string | null) => void;
  /** The outcome of reading or writing the NodeNAT. */
  readonly outcome: (outcome: StoreOutcome) => void;
  readonly debug: (line: string) => void;
}

/** First and longest wait after a failure, in milliseconds. */
export const RETRY_FIRST = 500;
export const RETRY_LONGEST = 60_000;

/** Milliseconds of silence before an answer is aborted. */
export const IDLE = 15_000;
