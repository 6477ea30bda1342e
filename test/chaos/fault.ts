import type { Random } from './random.ts';
import type { SourceKind } from './store/store.ts';
import type { Excuse } from './traffic/excuse.ts';
import type { World } from './world.ts';

/** A kind of fault. One file each in `faults/`, and a line in `kinds.ts`. */
export interface FaultKind {
  readonly name: string;
  /** The agent is another process afterwards. */
  readonly endsAgent?: boolean;
  /** Only in lives with this source; left out: in all. */
  readonly source?: SourceKind;
  /** What the machine or this world lacks for it; null or left out: nothing. */
  needs?(world: World): string | null;
  /**
   * Does the fault and ends it: afterwards nothing stands in the way of recovery. It need not wait for the recovery, which the
   * series does, with all checks. Everything random comes from `random`. Waits have a bound. Throws only when
   * the fault itself cannot be done.
   */
  run(world: World, random: Random): Promise<Recovered>;
}

/** What the fault excuses, for traffic from its begin until the kernel equals the plan again. */
export interface Recovered {
  readonly dials: Excuse;
  /** What was done in detail, for the log. */
  readonly note?: string;
  /** Where it struck, for kinds that are to strike everywhere; `of`: how many places there are, if that is known. */
  readonly place?: { readonly name: string; readonly of: number | null };
}
