import { askedOf, type TraceQuestion, traceQuestion } from '../../src/forms/questions.ts';
import { pathOf } from '../../src/forms/request.ts';

/** A shareable address; who opens it begins the trace by a click. */
export function traceHref(question: TraceQuestion): string {
  return pathOf('/trace', question);
}

export function traceQuestionOf(search: string): TraceQuestion {
  return askedOf(traceQuestion, Object.fromEntries(new URLSearchParams(search)));
}
