import type { ApiClient } from '../../kube-api/client.ts';
import type { Surroundings } from '../../kube-api/surroundings.ts';
import type { SideCode } from '../../model/finding-codes.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { StoreOutcome } from '../store-outcome.ts';

/** What writing to the cluster needs. */
export interface StatusParts {
  readonly client: ApiClient;
  /** Name of the node, of its Node object and of its NodeNAT. */
  readonly node: string;
  readonly surroundings: Surroundings & { wallClock(): Date };
  /** The uid of a Pod or Service that the sources have; null for all others, which are looked up. */
  readonly uidOf: (kind: ObjectRef['kind'], key: string) => string | null;
  /** What is wrong, in a text that does not change while it lasts; null: it is over. */
  readonly trouble: (code: SideCode, message: string | null) => void;
  /** The outcome of reading or writing the NodeNAT. */
  readonly outcome: (outcome: StoreOutcome) => void;
  /** Logs at level debug. */
  readonly debug: (line: string) => void;
}

/** First and longest wait after a failure, in milliseconds. */
export const RETRY_FIRST = 500;
export const RETRY_LONGEST = 60_000;

/** Silence after which an answer is given up, in milliseconds. */
export const IDLE = 15_000;
