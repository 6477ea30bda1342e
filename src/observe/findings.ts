import type { Finding, Notice } from '../model/finding.ts';
import { findingOf } from '../model/finding.ts';
import { degradedBy, isNoticeCode, type SideCode } from '../model/finding-codes.ts';
import type { Conflict } from '../plan/claims.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** Called after every change with the new findings. */
export type FindingsListener = (appeared: readonly Finding[]) => void;

/**
 * Every present finding: of the sources, of the plan, and of the companions. Status, NodeNAT, Events, metrics, recent
 * activity and the API read it here.
 */
export class Findings {
  readonly #plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>;
  readonly #listener: FindingsListener;
  /** Origin (file, object or resource) → its findings. */
  readonly #ofSources = new Map<string, readonly Finding[]>();
  /** Code → the findings that were given under it. */
  readonly #beside = new Map<string, readonly Finding[]>();
  #noticeChanges = 0;

  constructor(plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>, listener: FindingsListener) {
    this.#plan = plan;
    this.#listener = listener;
  }

  /** Replaces what a source found at this origin. */
  ofSource(origin: string, findings: readonly Finding[]): void {
    this.#listener(replace(this.#ofSources, origin, findings));
  }

  /** Replaces what was found beside NAT under this code. */
  give(code: string, findings: readonly Finding[]): void {
    if (findings.length === 0 && !this.#beside.has(code)) return;
    if (isNoticeCode(code)) this.#noticeChanges++;
    const before = this.#beside.get(code)?.length ?? 0;
    const appeared = replace(this.#beside, code, findings);
    if (appeared.length > 0 || findings.length !== before) this.#listener(appeared);
  }

  /** Sets the one finding of this code, about no object; null: it is over. */
  trouble(code: SideCode, message: string | null): void {
    this.give(code, message === null ? [] : [findingOf(code, null, message)]);
  }

  /** Findings of the sources. */
  sourceProblems(): Finding[] {
    return [...this.#ofSources.values()].flat();
  }

  /** Findings of the sources, and those beside NAT. */
  problems(): Finding[] {
    return [...this.sourceProblems(), ...this.#given().filter(({ code }) => !isNoticeCode(code))];
  }

  /** Why readable objects get no NAT, or only part of it. */
  notices(): Notice[] {
    return [...this.#plan.notices(), ...this.#given().filter(isNotice)];
  }

  /** Grows whenever notices may have changed. */
  get noticeRevision(): number {
    return this.#plan.noticeRevision + this.#noticeChanges;
  }

  conflicts(): Conflict[] {
    return [...this.#plan.conflicts.values()];
  }

  /** What is reported to the cluster besides the plan: findings about objects, of the sources, and of codes with `degraded`. */
  forCluster(): Finding[] {
    const isTold = ({ object, code }: Finding) => object !== null || degradedBy(code) !== null;
    return [...this.sourceProblems(), ...this.#given()].filter(isTold);
  }

  #given(): Finding[] {
    return [...this.#beside.values()].flat();
  }
}

/** Returns the new ones. */
function replace(
  store: Map<string, readonly Finding[]>,
  from: string,
  findings: readonly Finding[],
): Finding[] {
  const known = new Set((store.get(from) ?? []).map((finding) => JSON.stringify(finding)));
  if (findings.length === 0) store.delete(from);
  else store.set(from, findings);
  return findings.filter((finding) => !known.has(JSON.stringify(finding)));
}

function isNotice(finding: Finding): finding is Notice {
  return isNoticeCode(finding.code) && finding.object !== null;
}
