import { Wake } from '../base/wake.ts';
import { FlowLines } from '../flows/flow-lines.ts';
import { isTranslated } from '../flows/judge.ts';
import { Listing, listingPieces } from '../flows/listing.ts';
import { readQuestion, type WantedFlows } from '../flows/question.ts';
import { RateMeter } from '../flows/rates.ts';
import { WaitingEvents } from '../flows/waiting-events.ts';
import type { RatesAnswer } from '../forms/flows.ts';
import type { FlowQuestion } from '../forms/questions.ts';
import { Places } from '../limits/places.ts';
import { validQuery } from '../observe/invalid-query.ts';
import { watchConntrack } from '../wire/conntrack/monitor.ts';
import { visitEveryFlow } from '../wire/conntrack/table.ts';
import type { AgentFacts } from './companion.ts';
import type { FlowMemory } from './flow-memory.ts';

/** Answers the API's questions about the conntrack table. */
export class FlowLists {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;
  readonly #lists = new Places('flow-lists');
  readonly #watchers = new Places('flow-watchers');
  readonly #rates = new Places('flow-rates');

  constructor(agent: AgentFacts, memory: FlowMemory) {
    this.#agent = agent;
    this.#memory = memory;
  }

  /** Throws InvalidQuery and AgentBusy synchronously. @param signal aborts when the answer is over */
  list(question: FlowQuestion, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const wanted = validQuery(readQuestion(question));
    signal.addEventListener('abort', this.#lists.take(), { once: true });
    return listingPieces(this.#listing(wanted), this.#lines());
  }

  /** Throws InvalidQuery and AgentBusy synchronously. @param signal aborts when the answer is over */
  watch(question: FlowQuestion, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const wanted = validQuery(readQuestion(question));
    signal.addEventListener('abort', this.#watchers.take(), { once: true });
    return this.#watch(wanted, signal);
  }

  async *#watch(wanted: WantedFlows, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const wake = new Wake();
    let listing = this.#listing(wanted);
    let events = new WaitingEvents(this.#lines());
    let { limit } = wanted;
    const stop = watchConntrack(
      (type, flow) => {
        if (listing.isFull) return;
        const judgement = listing.look(flow);
        if (judgement === null) return;
        events.add(type, flow, judgement);
        wake.notify();
      },
      () => {
        events.lose();
        wake.notify();
      },
    );
    try {
      while (!signal.aborted) {
        if (events.isEmpty) {
          if (listing.isFull) return;
          await wake.wait(null, signal);
          continue;
        }
        const piece = events.take();
        // Names and plan may have changed, but the count continues.
        limit -= listing.end.listed;
        if (limit > 0) {
          listing = this.#listing({ ...wanted, limit });
          events = new WaitingEvents(this.#lines());
        }
        yield piece;
      }
    } finally {
      stop();
    }
  }

  /** Rates of bindings, Services and pools, from two readings this many seconds apart. Rejects with AgentBusy. */
  async rates(seconds: number): Promise<RatesAnswer> {
    const release = this.#rates.take();
    try {
      return await this.#measure(seconds);
    } finally {
      release();
    }
  }

  async #measure(seconds: number): Promise<RatesAnswer> {
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
    return { seconds: between / 1000, rates: meter.rates(between / 1000), measured: meter.share };
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
