import type { ActivityRecord } from '../forms/history.ts';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';

/** An activity without a number. */
export type Activity = Omit<ActivityRecord, 'sequence' | 'at' | 'times'>;

/** Maximum number of records. */
const KEPT = limits.activities.most;

/** Keeps the newest records. A repetition of the last record only raises its count. */
export class ActivityLog {
  readonly #records: ActivityRecord[] = [];
  #sequence = 0;
  /** Called with each activity, also a repetition. */
  onAdd: ((activity: Activity) => void) | null = null;

  /** @param at RFC 3339 */
  add(activity: Activity, at: string): void {
    this.onAdd?.(activity);
    const last = this.#records.at(-1);
    const isAgain = last !== undefined && isSame(last, activity);
    if (isAgain) this.#records.pop();
    else if (this.#records.length >= KEPT) {
      limitReached('activities');
      this.#records.shift();
    }
    const times = isAgain ? last.times + 1 : 1;
    this.#records.push({ ...activity, sequence: ++this.#sequence, at, times });
  }

  /** Records with a higher sequence, the oldest first. */
  since(after: number): readonly ActivityRecord[] {
    return this.#records.filter(({ sequence }) => sequence > after);
  }

  /** 0: there is no record. */
  get newest(): number {
    return this.#sequence;
  }
}

/** Repeated programming is one record, otherwise it would displace everything else in a busy cluster. */
function isSame(a: Activity, b: Activity): boolean {
  if (a.kind !== b.kind) return false;
  return a.kind === 'programmed' || a.kind === 'disturbed' || a.message === b.message;
}
