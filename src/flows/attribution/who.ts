import type { AttributedFlow, WhoAnswer } from '../../forms/flows.ts';
import { type FlowLine, type LogLine, parseLine } from './line.ts';

interface OpenFlow {
  readonly line: FlowLine;
  readonly since: string | null;
  /** Earliest time at which the flow certainly existed. */
  readonly certainFrom: number;
  /** Latest time at which the flow certainly existed; infinite while nothing is in doubt. */
  certainUntil: number;
}

/** Reads the log, line by line from the oldest, for one question. */
export class WhoScan {
  readonly #asked: WhoAnswer['asked'];
  readonly #at: number;
  readonly #open = new Map<string, OpenFlow>();
  readonly #found: AttributedFlow[] = [];
  #begins: string | null = null;
  #last = Number.NEGATIVE_INFINITY;
  /** Since when open flows are uncertain, or null. */
  #doubt: { readonly since: number; readonly why: string } | null = null;
  #gap: string | null = null;

  /** @param asked `address` is `address:port`, `at` RFC 3339 */
  constructor(asked: WhoAnswer['asked']) {
    this.#asked = asked;
    this.#at = Date.parse(asked.at);
  }

  add(text: string): void {
    // Most lines are about other flows and need not be parsed; marks are short.
    const isMark = text.length < 400 && !text.includes('"a":');
    if (!isMark && this.#begins !== null && !text.includes(this.#asked.address)) {
      const time = timeOf(text);
      if (time !== null) this.#last = time;
      return;
    }
    const line = parseLine(text);
    if (line === null) return;
    this.#begins ??= line.t;
    this.#take(line);
    this.#last = Date.parse(line.t);
  }

  answer(): WhoAnswer {
    for (const open of this.#open.values()) this.#close(open, null, open.certainUntil);
    if (this.#doubt !== null && this.#at > this.#doubt.since) this.#gap ??= this.#doubt.why;
    const isBefore = this.#begins !== null && this.#at < Date.parse(this.#begins);
    const gap = isBefore ? 'the log begins later' : this.#gap;
    return { asked: this.#asked, flows: this.#found, gap, logBegins: this.#begins };
  }

  #take(line: LogLine): void {
    const time = Date.parse(line.t);
    switch (line.e) {
      case 'gap': {
        const since = Math.min(this.#last === Number.NEGATIVE_INFINITY ? time : this.#last, time);
        this.#doubt ??= { since, why: line.why };
        for (const open of this.#open.values()) open.certainUntil = Math.min(open.certainUntil, since);
        return;
      }
      case 'alive':
        return;
      case 'whole':
        if (this.#doubt !== null) this.#endDoubt(this.#doubt, time);
        return;
      default:
        if (line.a !== this.#asked.address) return;
        if (this.#asked.protocol !== null && line.p !== this.#asked.protocol) return;
        this.#takeFlow(line, time);
    }
  }

  #takeFlow(line: FlowLine, time: number): void {
    const key = `${line.p} ${line.s} ${line.d}`;
    const open = this.#open.get(key);
    if (line.e === 'end') {
      this.#open.delete(key);
      this.#close(open ?? this.#unseen(line, time), line, time);
    } else if (line.e === 'new') {
      if (open !== undefined) this.#close(open, null, open.certainUntil);
      this.#open.set(key, { line, since: line.t, certainFrom: time, certainUntil: Number.POSITIVE_INFINITY });
    } else if (open === undefined) {
      this.#open.set(key, this.#unseen(line, time));
    } else open.certainUntil = Number.POSITIVE_INFINITY;
  }

  /** A flow without a beginning in the log: it is older than the log, or began in a gap. */
  #unseen(line: FlowLine, time: number): OpenFlow {
    const certainFrom = this.#doubt === null ? Date.parse(this.#begins ?? line.t) : time;
    return { line, since: null, certainFrom, certainUntil: Number.POSITIVE_INFINITY };
  }

  /** Flows open before the gap and not seen after it ended meanwhile. */
  #endDoubt({ since, why }: { readonly since: number; readonly why: string }, time: number): void {
    for (const [key, open] of this.#open) {
      if (open.certainUntil === Number.POSITIVE_INFINITY) continue;
      this.#open.delete(key);
      this.#close(open, null, open.certainUntil, time);
    }
    if (this.#at > since && this.#at < time) this.#gap = why;
    this.#doubt = null;
  }

  /**
   * @param end its last line, if any
   * @param certain latest time at which it certainly existed
   * @param latest latest time at which it may have existed
   */
  #close(open: OpenFlow, end: FlowLine | null, certain: number, latest = Number.POSITIVE_INFINITY): void {
    const last = end === null ? latest : Date.parse(end.t);
    const first = open.since === null ? Number.NEGATIVE_INFINITY : open.certainFrom;
    if (this.#at < first || this.#at > last) return;
    const { p, s, d, n } = open.line;
    const isCertain = this.#at >= open.certainFrom && this.#at <= certain;
    this.#found.push({
      protocol: p,
      source: s,
      destination: d,
      name: n ?? end?.n ?? null,
      since: open.since,
      until: end?.t ?? null,
      certain: isCertain,
    });
  }
}

/** The time of a line (`{"t":"…"`), without parsing the rest. */
function timeOf(text: string): number | null {
  const end = text.indexOf('"', 6);
  const time = text.startsWith('{"t":"') && end > 0 ? Date.parse(text.slice(6, end)) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
