import type { ActivityRecord } from '../forms/history.ts';

/** Something that the agent did or found, before it gets a number. */
export type Activity = Omit<ActivityRecord, 'sequence' | 'at' | 'times'>;

/** Records that are kept; the oldest go first. */
const KEPT = 512;

/** Recent activity: the newest records are kept. A repetition of the last record raises its count. */
export class ActivityLog {
  readonly #records: ActivityRecord[] = [];
  #sequence = 0;

  /** @param at RFC 3339 */
  add(activity: Activity, at: string): void {
    const last = this.#records.at(-1);
    const isAgain = last !== undefined && isSame(last, activity);
    if (isAgain) this.#records.pop();
    else if (this.#records.length >= KEPT) this.#records.shift();
    const times = isAgain ? last.times + 1 : 1;
    this.#records.push({ ...activity, sequence: ++this.#sequence, at, times });
  }

  /** Records with a sequence above `after`, the oldest first. */
  since(after: number): readonly ActivityRecord[] {
    return this.#records.filter(({ sequence }) => sequence > after);
  }

  /** Sequence of the newest record; 0: there is none. */
  get newest(): number {
    return this.#sequence;
  }
}

/** Repeated programming is one record: otherwise a busy cluster would displace everything else. */
function isSame(a: Activity, b: Activity): boolean {
  if (a.kind !== b.kind) return false;
  return a.kind === 'programmed' || a.kind === 'disturbed' || a.message === b.message;
}
