import { isTranslated } from '../flows/judge.ts';
import { PairCounter, type PairLook } from '../flows/pairs.ts';
import type { FlowPairs } from '../forms/flows.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';

/** Milliseconds for which an answer is reused; longer after a long look, so that looking takes at most 5 %. */
const FRESH = 2_000;
const REST_PER_WORK = 20;
/** Maximum number of pairs kept from a look. */
const KEPT = 1_000;
/** Milliseconds after which a look is too old to tell which flows are new. */
const OLD = 60_000;

/** Translated sources and destinations; questions at about the same time share a reading of the table. */
export class PairLooks {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;
  #look: PairLook | null = null;
  #answer: Promise<FlowPairs> | null = null;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(agent: AgentFacts, memory: FlowMemory) {
    this.#agent = agent;
    this.#memory = memory;
  }

  /** The busiest pairs, at most `limit`. */
  async pairs(limit: number): Promise<FlowPairs> {
    if (this.#answer === null || this.#agent.surroundings.now() >= this.#freshUntil) {
      // All questions wait for the look in progress.
      this.#freshUntil = Number.POSITIVE_INFINITY;
      this.#answer = this.#count().catch((error) => {
        this.#freshUntil = Number.NEGATIVE_INFINITY;
        throw error;
      });
    }
    const answer = await this.#answer;
    const pairs = answer.pairs.slice(0, limit);
    return { ...answer, left: answer.left + answer.pairs.length - pairs.length, pairs };
  }

  async #count(): Promise<FlowPairs> {
    const { surroundings } = this.#agent;
    const at = surroundings.now();
    const before = this.#look !== null && at - this.#look.at <= OLD ? this.#look : null;
    const judge = this.#memory.judge();
    const counter = new PairCounter(this.#memory.names(), before);
    await visitEveryFlow((flow) => {
      if (isTranslated(flow)) counter.add(flow, judge.judge(flow));
    });
    const { pairs, look } = counter.answer(KEPT, at);
    this.#look = look;
    const done = surroundings.now();
    this.#freshUntil = done + Math.max(FRESH, (done - at) * REST_PER_WORK);
    return pairs;
  }
}
