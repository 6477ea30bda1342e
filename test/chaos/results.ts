import type { Footprint } from './checks/memory.ts';

/** What became of one fault. */
export interface FaultResult {
  readonly index: number;
  readonly kind: string;
  readonly source: string;
  readonly note: string;
  /** As in `Recovered`; null: of no interest. */
  readonly place: { readonly name: string; readonly of: number | null } | null;
  readonly milliseconds: number;
  /** Why it was not done; null: it was. */
  readonly skipped: string | null;
  /** Empty: everything was right afterwards. */
  readonly problems: readonly string[];
}

/** Of one life. */
export interface LifeResult {
  readonly faults: readonly FaultResult[];
  /** New connections that were judged. */
  readonly dials: number;
  /** One list for each process of the agent that saw several faults. */
  readonly footprints: readonly (readonly Footprint[])[];
  readonly starts: number;
  /** Seconds of processor time of the worker and of its children that have ended. */
  readonly cpuSeconds: number;
}
