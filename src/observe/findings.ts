import type { Finding, Notice } from '../model/finding.ts';
import { findingOf } from '../model/finding.ts';
import { degradedBy, isNoticeCode, type SideCode } from '../model/finding-codes.ts';
import type { Conflict } from '../plan/claims.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** Called after every change. */
export type FindingsListener = (appeared: readonly Finding[]) => void;

/** All present findings, for status, NodeNAT, Events, metrics, recent activity and the API. */
export class Findings {
  readonly #plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>;
  readonly #listener: FindingsListener;
  /** By origin: file, object or resource. */
  readonly #ofSources = new Map<string, readonly Finding[]>();
  /** By code. */
  readonly #beside = new Map<string, readonly Finding[]>();
  #noticeChanges = 0;

  constructor(plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>, listener: FindingsListener) {
    this.#plan = plan;
    this.#listener = listener;
  }

  /** Replaces the source's findings of this origin. */
  ofSource(origin: string, findings: readonly Finding[]): void {
    this.#listener(replace(this.#ofSources, origin, findings));
  }

  /** Replaces the findings of this code. */
  give(code: string, findings: readonly Finding[]): void {
    if (findings.length === 0 && !this.#beside.has(code)) return;
    if (isNoticeCode(code)) this.#noticeChanges++;
    const before = this.#beside.get(code)?.length ?? 0;
    const appeared = replace(this.#beside, code, findings);
    if (appeared.length > 0 || findings.length !== before) this.#listener(appeared);
  }

  /** Sets the only finding of this code, without an object; null removes it. */
  trouble(code: SideCode, message: string | null): void {
    this.give(code, message === null ? [] : [findingOf(code, null, message)]);
  }

  sourceProblems(): Finding[] {
    return [...this.#ofSources.values()].flat();
  }

  problems(): Finding[] {
    return [...this.sourceProblems(), ...this.#given().filter(({ code }) => !isNoticeCode(code))];
  }

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

  /** What the cluster gets besides the plan: findings about objects, of the sources, and of codes with `degraded`. */
  forCluster(): Finding[] {
    const isForCluster = ({ object, code }: Finding) => object !== null || degradedBy(code) !== null;
    return [...this.sourceProblems(), ...this.#given()].filter(isForCluster);
  }

  #given(): Finding[] {
    return [...this.#beside.values()].flat();
  }
}

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
