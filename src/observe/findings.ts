import type { Finding, Notice } from '../model/finding.ts';
import { findingOf } from '../model/finding.ts';
import { degradedBy, isNoticeCode, type SideCode } from '../model/finding-codes.ts';
import type { Conflict } from '../plan/claims.ts';
import type { NatPlan } from '../plan/nat-plan.ts';

/** Called after every change with what was not there before. */
export type FindingsListener = (appeared: readonly Finding[]) => void;

/**
 * Everything that is wrong or noteworthy now, whoever found it: the sources, the plan, and what works beside NAT. Status,
 * NodeNAT, Events, metrics, recent activity and the API read it here.
 */
export class Findings {
  readonly #plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>;
  readonly #listener: FindingsListener;
  /** By the file, object or resource that they are about. */
  readonly #ofSources = new Map<string, readonly Finding[]>();
  /** By the code under which they were given. */
  readonly #beside = new Map<string, readonly Finding[]>();
  #noticeChanges = 0;

  constructor(plan: Pick<NatPlan, 'notices' | 'noticeRevision' | 'conflicts'>, listener: FindingsListener) {
    this.#plan = plan;
    this.#listener = listener;
  }

  /** What a source found at this origin, in the place of what it found there before. */
  ofSource(origin: string, findings: readonly Finding[]): void {
    this.#listener(replace(this.#ofSources, origin, findings));
  }

  /** What was found beside NAT, in the place of what was given under this code before. */
  give(code: string, findings: readonly Finding[]): void {
    if (findings.length === 0 && !this.#beside.has(code)) return;
    if (isNoticeCode(code)) this.#noticeChanges++;
    const before = this.#beside.get(code)?.length ?? 0;
    const appeared = replace(this.#beside, code, findings);
    if (appeared.length > 0 || findings.length !== before) this.#listener(appeared);
  }

  /** A trouble about no object, under its code; null: it is over. */
  trouble(code: SideCode, message: string | null): void {
    this.give(code, message === null ? [] : [findingOf(code, null, message)]);
  }

  /** What the sources cannot read. */
  sourceProblems(): Finding[] {
    return [...this.#ofSources.values()].flat();
  }

  /** What cannot be read, and what goes wrong beside NAT. */
  problems(): Finding[] {
    return [...this.sourceProblems(), ...this.#given().filter(({ code }) => !isNoticeCode(code))];
  }

  /** Why objects that can be read get no NAT, or not all of it. */
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

  /** What the cluster is told beside the plan: of objects, of the sources, and what a row of the codes names. */
  forCluster(): Finding[] {
    const isTold = ({ object, code }: Finding) => object !== null || degradedBy(code) !== null;
    return [...this.sourceProblems(), ...this.#given()].filter(isTold);
  }

  #given(): Finding[] {
    return [...this.#beside.values()].flat();
  }
}

/** Gives those that were not there before. */
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
