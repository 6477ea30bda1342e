import { TokenBucket } from '../../base/token-bucket.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import { formatRef } from '../../model/object.ts';
import { type EventFact, factKey } from './event-facts.ts';

export interface Waiting {
  readonly fact: EventFact;
  /** How often it became true while it waited. */
  readonly times: number;
}

/** Limits per object: five at once, then one every 30 seconds. In total: 50 at once, then 10 a second. */
const OBJECT_BURST = 5;
const OBJECT_REFILL = 30_000;
const TOTAL_BURST = 50;
const TOTAL_REFILL = 100;

/** A node has about 110 pods; a fact beyond the limit gets an Event on its next change. */
const WAITING_LIMIT = limits['events-waiting'].most;

/** Limits Events. A fact that changes while it waits gets one Event; a fact that is no longer true gets none. */
export class EventQueue {
  /** Key → note of true facts that have an Event or wait for it. */
  #current = new Map<string, string>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #total: TokenBucket;
  #dropped = 0;

  /** @param now milliseconds */
  constructor(now: number) {
    this.#total = new TokenBucket(TOTAL_BURST, TOTAL_REFILL, now);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Facts without an Event because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** These facts already have Events. */
  known(facts: readonly EventFact[]): void {
    for (const fact of facts) this.#current.set(factKey(fact), fact.note);
  }

  /** @param facts all that are true now */
  observe(facts: readonly EventFact[]): void {
    const current = new Map(facts.map((fact) => [factKey(fact), fact.note]));
    for (const key of this.#waiting.keys()) if (!current.has(key)) this.#waiting.delete(key);
    for (const fact of facts) {
      const key = factKey(fact);
      if (this.#current.get(key) === fact.note) continue;
      const before = this.#waiting.get(key);
      if (before === undefined && this.#waiting.size >= WAITING_LIMIT) {
        current.delete(key);
        this.#dropped++;
        limitReached('events-waiting');
      } else this.#waiting.set(key, { fact, times: (before?.times ?? 0) + 1 });
    }
    this.#current = current;
  }

  /** The next fact allowed to get its Event, or the milliseconds until then; null: none waits. */
  next(now: number): Waiting | number | null {
    if (this.#waiting.size === 0) return null;
    const wait = this.#total.wait(now);
    if (wait > 0) return wait;
    let shortest = Number.POSITIVE_INFINITY;
    for (const waiting of this.#waiting.values()) {
      const own = this.#buckets.get(formatRef(waiting.fact.object))?.wait(now) ?? 0;
      if (own === 0) return waiting;
      shortest = Math.min(shortest, own);
    }
    return shortest;
  }

  /** An attempt to write an Event begins. */
  attempt(now: number): void {
    this.#total.take(now);
  }

  /** The Event is written, or never can be. A newer fact in its place still waits. */
  done(waiting: Waiting, now: number): void {
    const key = factKey(waiting.fact);
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    for (const [name, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(name);
    const name = formatRef(waiting.fact.object);
    const bucket = this.#buckets.get(name) ?? new TokenBucket(OBJECT_BURST, OBJECT_REFILL, now);
    bucket.take(now);
    this.#buckets.set(name, bucket);
  }

  /** Moves it to the end. */
  postpone(waiting: Waiting): void {
    const key = factKey(waiting.fact);
    if (this.#waiting.get(key) !== waiting) return;
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
  }
}
