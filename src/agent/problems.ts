import type { Problem } from '../model/problem.ts';

/** The open problems of all sources, by origin: each report of an origin replaces the one before. */
export class ProblemBoard {
  readonly #byOrigin = new Map<string, readonly Problem[]>();

  /** Takes over the report and gives those problems that were not there before. */
  replace(origin: string, problems: readonly Problem[]): Problem[] {
    const known = new Set((this.#byOrigin.get(origin) ?? []).map(identity));
    if (problems.length === 0) this.#byOrigin.delete(origin);
    else this.#byOrigin.set(origin, problems);
    return problems.filter((problem) => !known.has(identity(problem)));
  }

  /** True while an object or a file cannot be used as it stands. */
  hasErrors(): boolean {
    return this.list().some(({ severity }) => severity === 'error');
  }

  list(): Problem[] {
    return [...this.#byOrigin.values()].flat();
  }
}

function identity(problem: Problem): string {
  return JSON.stringify([problem.code, problem.origin, problem.object, problem.field, problem.message]);
}
