import { grouped } from '../base/collect.ts';
import { formatRef } from '../model/object.ts';
import type { SourceStep } from './step.ts';
import type { Path } from './walk.ts';

/** Paths whose source is handled by the same rules of the same objects. */
export interface PathGroup {
  readonly paths: readonly Path[];
  /** The steps of the first path. */
  readonly steps: readonly SourceStep[];
}

export function groupPaths(paths: readonly Path[]): PathGroup[] {
  const [only, second] = paths;
  if (only !== undefined && second === undefined) return [{ paths, steps: only.steps }];
  const groups = grouped(paths, ({ steps }) => steps.map(likenessOf).join(', '));
  return [...groups.values()].map((same) => ({ paths: same, steps: same[0]?.steps ?? [] }));
}

function likenessOf(step: SourceStep): string {
  const own = [step.rule, step.verdict, step.object === null ? '-' : formatRef(step.object)];
  if (step.rule === 'egress-pool') return JSON.stringify([own, step.because, step.to]);
  if (step.rule === 'egress-rule') return JSON.stringify([own, step.role, step.choice.outcome]);
  return own.join(' ');
}
