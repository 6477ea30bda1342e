import { recordAt, textAt } from '../base/json.ts';
import type { ParseContext } from '../sources/objects/metadata.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Broken, effectOf } from './effect.ts';
import type { Judge, Protected } from './expectations.ts';
import { ALLOWED, type ReviewAnswer, type ReviewRequest } from './review.ts';
import { problemText, reviewedChange } from './reviewed-change.ts';
import { cut, denialText, effectWarnings, MAY_BREAK } from './words.ts';

/** How a review ended, for metrics. */
export type Outcome =
  | 'of no interest'
  | 'no packet changes'
  | 'warned'
  | 'denied'
  | 'allowed to break'
  | 'not read yet'
  | 'cannot be used'
  | 'failed';

/** Milliseconds for one review. What was not looked at then is counted in a warning. */
const BUDGET = 200;

export interface ReviewEnd {
  readonly outcome: Outcome;
  readonly milliseconds: number;
  /** Not all nodes were looked at. */
  readonly isIncomplete: boolean;
}

interface Answered {
  readonly outcome: Outcome;
  readonly answer: ReviewAnswer;
  readonly isIncomplete?: boolean;
}

export interface ReviewerParts {
  readonly state: ClusterState;
  /** At the moment. */
  readonly guarded: () => Protected;
  readonly judge: Judge;
  /** A new one for each review: nothing of a request is kept. */
  readonly context: () => ParseContext;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly budget?: number;
  readonly ended: (end: ReviewEnd) => void;
  readonly failed: (error: unknown) => void;
}

/** Answers reviews. Whatever goes wrong here, the change is allowed. */
export class Reviewer {
  readonly #parts: ReviewerParts;

  constructor(parts: ReviewerParts) {
    this.#parts = parts;
  }

  review(request: ReviewRequest): ReviewAnswer {
    const { now, ended, failed } = this.#parts;
    const start = now();
    try {
      const { outcome, answer, isIncomplete = false } = this.#answer(request, start);
      ended({ outcome, milliseconds: now() - start, isIncomplete });
      return answer;
    } catch (error) {
      failed(error);
      ended({ outcome: 'failed', milliseconds: now() - start, isIncomplete: true });
      return warned('knat could not tell what this change does: its log says why');
    }
  }

  #answer(request: ReviewRequest, start: number): Answered {
    const { state, guarded, judge, context, now, budget = BUDGET } = this.#parts;
    if (!state.isSynced) {
      const answer = warned('knat is still reading the cluster: nobody looked at what this change does');
      return { outcome: 'not read yet', answer };
    }
    const change = reviewedChange(request, state, context());
    if (change === null) return { outcome: 'of no interest', answer: ALLOWED };
    const [problem] = change.problems;
    if (problem !== undefined) {
      const text = `knat cannot use this object and keeps the last good version: ${problemText(problem)}`;
      return { outcome: 'cannot be used', answer: warned(text) };
    }
    const isOver = () => now() - start > budget;
    const effect = effectOf(change, { state, guarded: guarded(), judge, isOver });
    const { broken, forced } = sorted(effect.broken, request);
    const warnings = [...forced.map(forcedText), ...effectWarnings(effect)];
    const isIncomplete = effect.unseenNodes > 0;
    if (broken.length > 0) {
      return { outcome: 'denied', answer: { denial: denialText(broken), warnings }, isIncomplete };
    }
    const outcome =
      forced.length > 0 ? 'allowed to break' : warnings.length === 0 ? 'no packet changes' : 'warned';
    return { outcome, answer: { denial: null, warnings }, isIncomplete };
  }
}

function warned(text: string): ReviewAnswer {
  return { denial: null, warnings: [cut(text)] };
}

/** Without what the object says may break. */
function sorted(all: readonly Broken[], { operation, object, oldObject }: ReviewRequest) {
  const metadata = recordAt(operation === 'DELETE' ? oldObject : object, 'metadata');
  const names = textAt(recordAt(metadata, 'annotations'), MAY_BREAK)
    .split(';')
    .map((name) => name.trim());
  const isForced = ({ verdict }: Broken) => names.includes('*') || names.includes(verdict.name);
  return { broken: all.filter((each) => !isForced(each)), forced: all.filter(isForced) };
}

function forcedText({ verdict, expectation }: Broken): string {
  return cut(
    `knat: breaks "${verdict.name}" (${expectation.origin}), which the annotation ${MAY_BREAK} allows`,
  );
}
