import { isTranslated } from '../flows/judge.ts';
import { Listing, type ListingEnd } from '../flows/listing.ts';
import { type FlowQuestion, readQuestion, type WantedFlows } from '../flows/question.ts';
import { RateMeter } from '../flows/rates.ts';
import { type FlowReport, reportLine } from '../flows/report.ts';
import { everyFlow, visitEveryFlow } from '../flows/table.ts';
import type { RatesAnswer } from '../observe/flows-view.ts';
import { ConntrackMonitor } from '../wire/conntrack/monitor.ts';
import type { ConntrackEventKind } from '../wire/conntrack/numbers.ts';
import type { AgentFacts } from './companion.ts';
import { InvalidQuery } from './explain-query.ts';
import type { FlowMemory } from './flow-memory.ts';

/** Characters of a piece of an answer. */
const PIECE = 64 * 1024;
/** Events that wait for a slow reader; what comes while so many wait is lost, and the reader is told. */
const EVENTS_WAITING = 10_000;

/** One line of a watch. */
type Told = { readonly event: ConntrackEventKind; readonly flow: FlowReport } | { readonly event: 'lost' };

/** Answers questions about the table, for the API. */
export class FlowLists {
  readonly #agent: AgentFacts;
  readonly #memory: FlowMemory;

  constructor(agent: AgentFacts, memory: FlowMemory) {
    this.#agent = agent;
    this.#memory = memory;
  }

  /** Throws InvalidQuery at once. */
  list(question: FlowQuestion): AsyncIterable<string> {
    return this.#list(wantedBy(question));
  }

  async *#list(wanted: WantedFlows): AsyncGenerator<string> {
    const listing = this.#listing(wanted);
    let piece = '';
    const look = everyFlow((flow) => {
      const report = listing.look(flow);
      if (report !== null) piece += `${reportLine(report)}\n`;
    });
    for await (const _ of look) {
      if (piece.length >= PIECE) {
        yield piece;
        piece = '';
      }
      if (listing.isFull) break;
    }
    const end: { readonly end: ListingEnd } = { end: listing.end };
    yield `${piece}${JSON.stringify(end)}\n`;
  }

  /** Throws InvalidQuery at once. */
  watch(question: FlowQuestion, signal: AbortSignal): AsyncIterable<string> {
    return this.#watch(wantedBy(question), signal);
  }

  async *#watch(wanted: WantedFlows, signal: AbortSignal): AsyncGenerator<string> {
    let lines: string[] = [];
    let isLost = false;
    let wake: () => void = () => {};
    const told = (event: Told) => {
      if (event.event === 'lost' || lines.length >= EVENTS_WAITING) isLost = true;
      else lines.push(JSON.stringify(event));
      wake();
    };
    let listing = this.#listing(wanted);
    let { limit } = wanted;
    const monitor = ConntrackMonitor.openView(
      (type, flow) => {
        if (listing.isFull) return;
        const report = listing.look(flow);
        if (report !== null) told({ event: type, flow: report });
      },
      () => told({ event: 'lost' }),
    );
    const stop = () => wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        if (lines.length === 0 && !isLost) {
          if (listing.isFull) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const piece = lines;
        lines = [];
        if (isLost) piece.push(JSON.stringify({ event: 'lost' } satisfies Told));
        isLost = false;
        // Names and plan may have changed meanwhile; the count goes on.
        limit -= listing.end.listed;
        if (limit > 0) listing = this.#listing({ ...wanted, limit });
        yield `${piece.join('\n')}\n`;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      monitor.close();
    }
  }

  /** What bindings, Services and pools translate, from two looks so many seconds apart. */
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
      now: this.#agent.surroundings.wallClock().getTime(),
    });
  }
}

function wantedBy(question: FlowQuestion): WantedFlows {
  const wanted = readQuestion(question);
  if (typeof wanted === 'string') throw new InvalidQuery(wanted);
  return wanted;
}
