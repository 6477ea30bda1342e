import type { HistoryPoint } from '../forms/history.ts';

interface Span {
  /** Milliseconds since the epoch. */
  readonly begin: number;
  converges: number;
  failures: number;
  elementsAdded: number;
  elementsDeleted: number;
  sum: number;
  max: number;
}

/** Milliseconds of a span; the kept spans cover the last hour. */
export const SPAN = 10_000;
const KEPT = 360;

/** Duration of programming in the last hour. Spans without programming are omitted. */
export class SyncHistory {
  readonly #spans: Span[] = [];

  succeeded(at: number, milliseconds: number, added: number, deleted: number): void {
    const span = this.#spanAt(at);
    span.converges++;
    span.elementsAdded += added;
    span.elementsDeleted += deleted;
    span.sum += milliseconds;
    span.max = Math.max(span.max, milliseconds);
  }

  failed(at: number): void {
    this.#spanAt(at).failures++;
  }

  /** The oldest first. */
  points(now: number): HistoryPoint[] {
    this.#forget(now);
    return this.#spans.map(({ begin, sum, max, ...counts }) => ({
      at: new Date(begin).toISOString(),
      ...counts,
      meanMilliseconds: counts.converges === 0 ? null : rounded(sum / counts.converges),
      maxMilliseconds: counts.converges === 0 ? null : rounded(max),
    }));
  }

  #spanAt(at: number): Span {
    const begin = at - (at % SPAN);
    const last = this.#spans.at(-1);
    // The wall clock was set back: the last span continues.
    if (last !== undefined && last.begin >= begin) return last;
    const span = { begin, converges: 0, failures: 0, elementsAdded: 0, elementsDeleted: 0, sum: 0, max: 0 };
    this.#spans.push(span);
    this.#forget(at);
    return span;
  }

  #forget(now: number): void {
    while ((this.#spans[0]?.begin ?? now) < now - SPAN * KEPT || this.#spans.length > KEPT)
      this.#spans.shift();
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
