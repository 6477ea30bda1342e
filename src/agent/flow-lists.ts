import { Wake } from '../base/wake.ts';
import { FlowLines } from '../flows/flow-lines.ts';
import { isTranslated } from '../flows/judge.ts';
import { Listing, listingPieces } from '../flows/listing.ts';
import { readQuestion, type WantedFlows } from '../flows/question.ts';
import { RateMeter } from '../flows/rates.ts';
import type { RatesAnswer } from '../forms/flows.ts';
import type { FlowQuestion } from '../forms/questions.ts';
import { validQuery } from '../observe/invalid-query.ts';
import { watchConntrack } from '../wire/conntrack/monitor.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';

/** Maximum number of events buffered for a slow reader; further events are lost, and the stream reports that. */
const EVENTS_WAITING = 10_000;

/** Answers the API's questions about the conntrack table. */
export class FlowLists {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;

  constructor(agent: AgentFacts, memory: FlowMemory) {
    this.#agent = agent;
    this.#memory = memory;
  }

  /** Throws InvalidQuery synchronously. */
  list(question: FlowQuestion): AsyncIterable<Uint8Array> {
    const wanted = validQuery(readQuestion(question));
    return listingPieces(this.#listing(wanted), this.#lines());
  }

  /** Throws InvalidQuery synchronously. */
  watch(question: FlowQuestion, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#watch(validQuery(readQuestion(question)), signal);
  }

  async *#watch(wanted: WantedFlows, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let waiting = 0;
    let isLost = false;
    const wake = new Wake();
    let listing = this.#listing(wanted);
    let lines = this.#lines();
    let { limit } = wanted;
    const stop = watchConntrack(
      (type, flow) => {
        if (listing.isFull) return;
        const judgement = listing.look(flow);
        if (judgement === null) return;
        if (waiting >= EVENTS_WAITING) isLost = true;
        else lines.addEvent(type, flow, judgement);
        waiting++;
        wake.notify();
      },
      () => {
        isLost = true;
        wake.notify();
      },
    );
    try {
      while (!signal.aborted) {
        if (waiting === 0 && !isLost) {
          if (listing.isFull) return;
          await wake.wait(null, signal);
          continue;
        }
        if (isLost) lines.addLost();
        const piece = lines.take();
        waiting = 0;
        isLost = false;
        // Names and plan may have changed, but the count continues.
        limit -= listing.end.listed;
        if (limit > 0) {
          listing = this.#listing({ ...wanted, limit });
          lines = this.#lines();
        }
        yield piece;
      }
    } finally {
      stop();
    }
  }

  /** Rates of bindings, Services and pools, from two readings this many seconds apart. */
  async rates(seconds: number): Promise<RatesAnswer> {
    const { surroundings } = this.#agent;
    const meter = new RateMeter();
    const start = surroundings.now();
    await visitEveryFlow((flow) => {
      if (isTranslated(flow)) meter.first(flow);
    });
    await surroundings.sleep(seconds * 1000, new AbortController().signal);
    const judge = this.#memory.judge();
    const between = surroundings.now() - start;
    await visitEveryFlow((flow) => {
      if (isTranslated(flow)) meter.second(flow, judge.judge(flow));
    });
    return { seconds: between / 1000, rates: meter.rates(between / 1000) };
  }

  #listing(wanted: WantedFlows): Listing {
    return new Listing(wanted, {
      judge: this.#memory.judge(),
      names: this.#memory.names(),
    });
  }

  #lines(): FlowLines {
    return new FlowLines(this.#memory.names(), this.#agent.surroundings.wallClock().getTime());
  }
}
