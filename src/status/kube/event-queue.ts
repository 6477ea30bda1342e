import { TokenBucket } from '../../base/token-bucket.ts';
import { formatRef } from '../../model/object.ts';
import { type EventFact, factKey } from './event-facts.ts';

/** A fact that has to be told. */
export interface Waiting {
  readonly fact: EventFact;
  /** How often it became so while it waited. */
  readonly times: number;
}

/** Events of one object: five at once, then one every 30 seconds. Of all objects: 50 at once, then 10 a second. */
const OBJECT_BURST = 5;
const OBJECT_REFILL = 30_000;
const TOTAL_BURST = 50;
const TOTAL_REFILL = 100;

/** Facts that may wait. A node has about 110 pods; what is beyond is told when it changes again. */
const WAITING_LIMIT = 5_000;

/**
 * Which facts are new, and when they may be told. What changes while it waits is told once, as it is then; what
 * ceases to be so while it waits is not told.
 */
export class EventQueue {
  /** Notes of the facts that are so and are told, or wait, by key. */
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

  /** How many facts were not told because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** These facts were told already. */
  known(facts: readonly EventFact[]): void {
    for (const fact of facts) this.#current.set(factKey(fact), fact.note);
  }

  /** All facts that are so now. */
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
      } else this.#waiting.set(key, { fact, times: (before?.times ?? 0) + 1 });
    }
    this.#current = current;
  }

  /** The next fact that may be told now, or the milliseconds until one may; null when none waits. */
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

  /** An attempt to tell something is made. */
  attempt(now: number): void {
    this.#total.take(now);
  }

  /** It is told, or can never be. What took its place meanwhile still waits. */
  done(waiting: Waiting, now: number): void {
    const key = factKey(waiting.fact);
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    for (const [name, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(name);
    const name = formatRef(waiting.fact.object);
    const bucket = this.#buckets.get(name) ?? new TokenBucket(OBJECT_BURST, OBJECT_REFILL, now);
    bucket.take(now);
    this.#buckets.set(name, bucket);
  }

  /** Others come first. */
  postpone(waiting: Waiting): void {
    const key = factKey(waiting.fact);
    if (this.#waiting.get(key) !== waiting) return;
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
  }
}
