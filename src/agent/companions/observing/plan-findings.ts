import { formatRef } from '../../../model/object.ts';
import type { Activity } from '../../../observe/activity.ts';
import type { Conflict } from '../../../plan/claims.ts';
import type { Notice } from '../../../plan/fragment.ts';
import type { NatPlan } from '../../../plan/nat-plan.ts';
import { reasonOfNotice } from '../../../status/kube/reasons.ts';

/** Which conflicts and notices came and went with a change of the plan. */
export class PlanFindings {
  readonly #conflicts = new Map<string, Conflict>();
  #notices = new Map<string, Notice>();
  #noticeRevision: number | null = null;

  /** @param changed keys that changed since the last call; null: look at all */
  update(plan: NatPlan, changed: ReadonlySet<string> | null): Activity[] {
    const found: Activity[] = [];
    for (const key of changed ?? [...this.#conflicts.keys(), ...plan.conflicts.keys()]) {
      const now = plan.conflicts.get(key);
      const before = this.#conflicts.get(key);
      if (now !== undefined && (before === undefined || describe(now) !== describe(before))) {
        const object = now.losers[0] ?? null;
        found.push({ kind: 'conflict', severity: 'warning', message: describe(now), object });
      } else if (now === undefined && before !== undefined) {
        const message = `${key}: only one object wants it now`;
        found.push({ kind: 'conflict-over', severity: 'info', message, object: before.winner });
      }
      if (now === undefined) this.#conflicts.delete(key);
      else this.#conflicts.set(key, now);
    }
    if (plan.noticeRevision !== this.#noticeRevision) found.push(...this.#updateNotices(plan));
    this.#noticeRevision = plan.noticeRevision;
    return found;
  }

  #updateNotices(plan: NatPlan): Activity[] {
    const before = this.#notices;
    this.#notices = new Map();
    for (const notice of plan.notices()) {
      this.#notices.set(
        `${formatRef(notice.object)}: ${reasonOfNotice[notice.reason]}: ${notice.message}`,
        notice,
      );
    }
    const found: Activity[] = [];
    for (const [message, { object }] of this.#notices) {
      if (!before.has(message)) found.push({ kind: 'notice', severity: 'warning', message, object });
    }
    for (const [text, { object }] of before) {
      const message = `no longer: ${text}`;
      if (!this.#notices.has(text)) found.push({ kind: 'notice-over', severity: 'info', message, object });
    }
    return found;
  }
}

function describe({ key, winner, losers, because }: Conflict): string {
  return `${key}: ${formatRef(winner)} has it, not ${losers.map(formatRef).join(', ')}: ${because}`;
}
