import type { Notice } from '../../../model/finding.ts';
import { eventOf } from '../../../model/finding-codes.ts';
import { formatRef } from '../../../model/object.ts';
import type { Activity } from '../../../observe/activity.ts';
import type { Findings } from '../../../observe/findings.ts';
import { type Conflict, claimText } from '../../../plan/claims.ts';
import type { NatPlan } from '../../../plan/nat-plan.ts';

/** Detects new and resolved conflicts and notices, for recent activity. */
export class PlanFindings {
  readonly #conflicts = new Map<string, Conflict>();
  #notices = new Map<string, Notice>();
  #noticeRevision: number | null = null;

  /** @param changed keys that changed since the last call; null: any may have */
  updateConflicts(plan: NatPlan, changed: ReadonlySet<string> | null): Activity[] {
    const found: Activity[] = [];
    for (const key of changed ?? [...this.#conflicts.keys(), ...plan.conflicts.keys()]) {
      const now = plan.conflicts.get(key);
      const before = this.#conflicts.get(key);
      if (now !== undefined && (before === undefined || textOf(now) !== textOf(before))) {
        const object = now.losers[0] ?? null;
        found.push({ kind: 'conflict', severity: 'warning', message: textOf(now), object });
      } else if (now === undefined && before !== undefined) {
        const message = `${key}: only one object wants it now`;
        found.push({ kind: 'conflict-over', severity: 'info', message, object: before.winner });
      }
      if (now === undefined) this.#conflicts.delete(key);
      else this.#conflicts.set(key, now);
    }
    return found;
  }

  updateNotices(findings: Pick<Findings, 'notices' | 'noticeRevision'>): Activity[] {
    if (findings.noticeRevision === this.#noticeRevision) return [];
    this.#noticeRevision = findings.noticeRevision;
    const before = this.#notices;
    this.#notices = new Map(
      findings.notices().map((notice) => {
        return [`${formatRef(notice.object)}: ${eventOf(notice.code)}: ${notice.message}`, notice];
      }),
    );
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

/** As for a notice, with all losers: `Pod shop/b, Pod shop/c: NatConflict: 203.0.113.7:25/TCP belongs to …`. */
function textOf({ code, losers, ...claim }: Conflict): string {
  return `${losers.map(formatRef).join(', ')}: ${eventOf(code)}: ${claimText(claim)}`;
}
