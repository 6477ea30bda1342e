import type { SourceStep, Step } from './step.ts';

/** Rules that were asked and do not match are listed up to this number. */
const LISTED = 3;

/** False for an EgressRule that matches the source, but not this packet. */
export function isDeciding(step: Step): boolean {
  return step.rule !== 'egress-rule' || step.role === 'decides';
}

/** The steps without rules that do not match, if those are many. */
export function foldSteps(steps: readonly SourceStep[]): {
  readonly shown: readonly SourceStep[];
  readonly folded: number;
} {
  const shown = steps.filter(isDeciding);
  const folded = steps.length - shown.length;
  return folded > LISTED ? { shown, folded } : { shown: steps, folded: 0 };
}

export function foldedText(count: number): string {
  return `${count} other rules do not match: --all`;
}
