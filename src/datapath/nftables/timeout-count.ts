import type { PlanEntry } from '../../plan/entry.ts';
import { timeoutOf, timeoutOfChain } from './affinity.ts';
import type { PlacedElement } from './element.ts';

/** How many entries use each timeout of session affinity: whose chains are needed, and whose no more. Immutable. */
export class TimeoutCount {
  readonly #uses: ReadonlyMap<number, number>;

  /** `kept` are elements that stay although no entry has them. */
  static of(entries: Iterable<PlanEntry>, kept: Iterable<PlacedElement> = []): TimeoutCount {
    const uses = new Map<number, number>();
    for (const entry of entries) count(uses, timeoutOf(entry), 1);
    for (const { set, element } of kept) {
      if (set === 'affinity_timeouts') count(uses, timeoutOfChain(element.verdict?.chain ?? ''), 1);
    }
    return new TimeoutCount(uses);
  }

  private constructor(uses: ReadonlyMap<number, number>) {
    this.#uses = uses;
  }

  /** After an entry was replaced by another; undefined for none. */
  after(changes: Iterable<readonly [PlanEntry | undefined, PlanEntry | undefined]>): TimeoutCount {
    const uses = new Map(this.#uses);
    for (const [before, now] of changes) {
      if (before !== undefined) count(uses, timeoutOf(before), -1);
      if (now !== undefined) count(uses, timeoutOf(now), 1);
    }
    return new TimeoutCount(uses);
  }

  /** In seconds, sorted. */
  used(): number[] {
    return [...this.#uses.keys()].sort((a, b) => a - b);
  }
}

function count(uses: Map<number, number>, timeout: number | null, by: number): void {
  if (timeout === null) return;
  const now = (uses.get(timeout) ?? 0) + by;
  if (now === 0) uses.delete(timeout);
  else uses.set(timeout, now);
}
