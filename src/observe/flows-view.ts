import type { FlowPairs, PortUsageSample, RatesAnswer, WhoAnswer } from '../forms/flows.ts';
import type { QuestionAt } from '../forms/routes.ts';

/** What the API asks of those who read conntrack. Texts come as they stand in the query. */
export interface FlowsView {
  /**
   * Flows as lines of JSON (`FlowReport`), many in each piece; the last line is `{"end": ListingEnd}`. Throws at once
   * what is wrong with the question.
   */
  list(question: Readonly<Record<string, string>>): AsyncIterable<Uint8Array>;
  /** Flows as they begin, change and end (`FlowEvent`), until the signal aborts. */
  watch(question: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** What bindings, Services and pools translate: two looks at the table, so many seconds apart. */
  rates(seconds: number): Promise<RatesAnswer>;
  /** Who is translated to whom, the busiest pairs; new flows are those since the look before. */
  pairs(limit: number): Promise<FlowPairs>;
  /** The ports in use at the last look; null before the first. */
  ports(): PortUsageSample | null;
  /** Who was behind an address and port at a time. */
  who(question: QuestionAt<'/flows/who'>): Promise<WhoAnswer>;
}
