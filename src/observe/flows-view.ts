import type { WhoAnswer } from '../flows/attribution/who.ts';
import type { FlowPairs } from '../flows/pairs.ts';
import type { PortUsageSample } from '../flows/port-usage.ts';
import type { Rate } from '../flows/rates.ts';

/** What the API asks of those who read conntrack. Texts come as they stand in the query. */
export interface FlowsView {
  /**
   * Flows as lines of the question's `format`, as a rule JSON (`FlowReport`), many in each piece; the last line is
   * `{"end": ListingEnd}`. Throws at once what is wrong with the question.
   */
  list(question: Readonly<Record<string, string>>): AsyncIterable<Uint8Array>;
  /** Flows as they begin, change and end, `{"event": …, "flow": FlowReport}` each, until the signal aborts. */
  watch(question: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** What bindings, Services and pools translate: two looks at the table, so many seconds apart. */
  rates(seconds: number): Promise<RatesAnswer>;
  /** Who is translated to whom, the busiest pairs; new flows are those since the look before. */
  pairs(limit: number): Promise<FlowPairs>;
  /** The ports in use at the last look; null before the first. */
  ports(): PortUsageSample | null;
  /** Who was behind `address` (`ADDRESS:PORT`) at the time `at` (RFC 3339), by the attribution log. */
  who(question: WhoQuestion): Promise<WhoAnswer>;
}

export interface RatesAnswer {
  readonly seconds: number;
  readonly rates: readonly Rate[];
}

export interface WhoQuestion {
  readonly address: string;
  readonly at?: string | undefined;
  readonly protocol?: string | undefined;
}
