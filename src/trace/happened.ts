import type { TraceOutcome } from '../forms/trace.ts';
import type { Header } from './header.ts';

/** What happened to a packet. */
export interface Happened {
  readonly before: Header;
  readonly after: Header;
  readonly kind: TraceOutcome['kind'];
  /** `text` of the outcome: who dropped it. */
  readonly text: string;
  /** The interface by which it leaves; null: none. */
  readonly out: string | null;
}
