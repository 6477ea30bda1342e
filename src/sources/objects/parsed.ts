import { type Finding, findingOf } from '../../model/finding.ts';
import type { SourceCode } from '../../model/finding-codes.ts';
import type { ObjectRef } from '../../model/object.ts';

/**
 * The result of parsing one object. `ok` with null: the object exists and is no fact (a slice without a Service). Not
 * `ok`: the whole object is rejected; the caller keeps its last good value in force.
 */
export type Parsed<Fact> =
  | { readonly ok: true; readonly fact: Fact | null; readonly warnings: readonly Finding[] }
  | { readonly ok: false; readonly problems: readonly Finding[] };

const NO_PROBLEMS: readonly Finding[] = [];

/** Reported in addition to the problems of a rejected object. */
export function lastGoodFinding(object: ObjectRef, isKept: boolean, origin = ''): Finding {
  const message = isKept
    ? 'the last good state of this object stays in force until it is corrected or removed'
    : 'this object has no effect until it is corrected';
  return findingOf('KNAT_LAST_GOOD', object, message, { origin });
}

/** Collects the problems of one object. The caller adds their origin. */
export class ParseReport {
  readonly #object: ObjectRef;
  #problems: Finding[] | null = null;
  #failed = false;

  constructor(object: ObjectRef) {
    this.#object = object;
  }

  /** The object cannot be used. */
  error(code: SourceCode, field: string, message: string): void {
    this.#failed = true;
    this.#add(code, 'error', field, message);
  }

  /** Part of the object is left out; the rest works. */
  warn(code: SourceCode, field: string, message: string): void {
    this.#add(code, 'warning', field, message);
  }

  /**
   * Reads an optional part. An error in it becomes a warning, and the part is null, so that one bad endpoint does not
   * reject its slice. Parts may be nested.
   */
  part<Value>(read: () => Value): Value | null {
    const failedBefore = this.#failed;
    const first = this.#problems?.length ?? 0;
    this.#failed = false;
    const value = read();
    const isUsable = !this.#failed;
    this.#failed = failedBefore;
    if (isUsable) return value;
    this.#problems = (this.#problems ?? []).map((problem, index) =>
      index < first || problem.severity === 'warning'
        ? problem
        : { ...problem, severity: 'warning', message: `${problem.message}; it is left out` },
    );
    return null;
  }

  rewind(mark: number): void {
    this.#problems?.splice(mark);
  }

  /** A point to rewind to; invalid once an error of the whole object follows. */
  get mark(): number {
    return this.#problems?.length ?? 0;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** The fact with the warnings, or all problems if there was an error. */
  finish<Fact>(fact: Fact | null): Parsed<Fact> {
    const problems = this.#problems ?? NO_PROBLEMS;
    return this.#failed ? { ok: false, problems } : { ok: true, fact, warnings: problems };
  }

  #add(code: SourceCode, severity: Finding['severity'], field: string, message: string): void {
    this.#problems ??= [];
    this.#problems.push({ code, severity, origin: '', object: this.#object, field, message });
  }
}
