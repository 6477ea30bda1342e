import { formatRef, type ObjectRef } from '../model/object.ts';
import type { SourceStep } from './step.ts';
import type { Path } from './walk.ts';

/** Paths whose source is treated alike, by the same rules of the same objects. */
export interface PathGroup {
  readonly paths: readonly Path[];
  /** The steps of the first path. */
  readonly steps: readonly SourceStep[];
}

/** Groups in the order of their first path. */
export function groupPaths(paths: readonly Path[]): PathGroup[] {
  const groups = new Map<string, Path[]>();
  for (const path of paths) {
    const likeness = path.steps.map(likenessOf).join(', ');
    const same = groups.get(likeness);
    if (same === undefined) groups.set(likeness, [path]);
    else same.push(path);
  }
  return [...groups.values()].map((same) => ({ paths: same, steps: same[0]?.steps ?? [] }));
}

function likenessOf(step: SourceStep): string {
  const exemptBy = step.rule === 'egress-pool' ? step.exemptBy : null;
  return [step.rule, step.verdict, nameOf(step.object), nameOf(exemptBy)].join(' ');
}

function nameOf(object: ObjectRef | null): string {
  return object === null ? '-' : formatRef(object);
}
