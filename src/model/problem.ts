import type { ObjectRef } from './object.ts';

/** Something that a person should mend: reported, never fatal for what does not depend on it. */
export interface Problem {
  /** A stable code, `KNAT_…`; all of them stand in docs/errors.md. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** Where it was read: `FILE:LINE`, or empty for what comes from no file. */
  readonly origin: string;
  readonly object: ObjectRef | null;
  /** Path of the field, `spec.ports[0].port`; empty when the whole object is meant. */
  readonly field: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** One line: `FILE:LINE: Service shop/web: spec.ports[0].port: …`. */
export function formatProblem(problem: Problem): string {
  const parts = [problem.origin];
  if (problem.object !== null) {
    const { kind, namespace, name } = problem.object;
    parts.push(`${kind} ${namespace === '' ? name : `${namespace}/${name}`}`);
  }
  parts.push(problem.field, `${problem.message} (${problem.code})`);
  return parts.filter((part) => part !== '').join(': ');
}
