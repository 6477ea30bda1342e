import type { FlowPair, FlowPairs, NatKind } from '../forms/flows.ts';
import { formatRef } from '../model/object.ts';
import { formatEndpoint } from '../net/address.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { Judgement } from './judge.ts';
import type { Names } from './names.ts';

/** What one look keeps for the next. */
export interface PairLook {
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  readonly seen: SeenFlows;
}

/** Flows remembered from one look to the next: about 4 MiB. */
const REMEMBERED = 131_072;

/**
 * Samples the present flows in bounded memory: when there are too many, only every second id is kept, then every
 * fourth, and so on. Conntrack's ids are hashes, so the sample stands for all.
 */
export class SeenFlows {
  readonly #places: number;
  readonly #ids = new Set<number>();
  /** Ids whose lowest bits are not all zero are not remembered. */
  #mask = 0;

  constructor(places = REMEMBERED) {
    this.#places = places;
  }

  add(id: number): void {
    if ((id & this.#mask) !== 0) return;
    this.#ids.add(id);
    while (this.#ids.size > this.#places) {
      this.#mask = this.#mask * 2 + 1;
      for (const each of this.#ids) if ((each & this.#mask) !== 0) this.#ids.delete(each);
    }
  }

  /** How many new flows this one stands for; 0 when it existed before or is not sampled. */
  newFlows(id: number): number {
    if ((id & this.#mask) !== 0 || this.#ids.has(id)) return 0;
    return this.#mask + 1;
  }
}

interface Sum {
  readonly kind: NatKind;
  readonly from: string;
  readonly to: string;
  flows: number;
  begun: number;
}

/** Counts pairs during one look at the table. */
export class PairCounter {
  readonly #names: Pick<Names, 'of'>;
  readonly #before: PairLook | null;
  readonly #sums = new Map<string, Sum>();
  readonly #seen: SeenFlows;
  #flows = 0;
  #begun = 0;

  /** @param before the former look; null: new flows cannot be recognised */
  constructor(names: Pick<Names, 'of'>, before: PairLook | null, seen = new SeenFlows()) {
    this.#names = names;
    this.#before = before;
    this.#seen = seen;
  }

  /** A flow counts for what translated its destination and for what translated its source. */
  add(flow: FlowView, { destination, source }: Judgement): void {
    if (destination === null && source === null) return;
    this.#seen.add(flow.id);
    const begun = this.#before?.seen.newFlows(flow.id) ?? 0;
    this.#flows++;
    this.#begun += begun;
    const { src, sport, dst } = flow.reply;
    if (destination !== null) {
      const { kind, object, frontend } = destination;
      const from = object === null ? frontend : `${formatRef(object)} ${frontend}`;
      this.#count(kind, from, this.#names.of(src) ?? formatEndpoint(src, sport), begun);
    }
    // A Service that also masquerades is no separate pair.
    if (source !== null && source.kind !== 'service') {
      this.#count(source.kind, source.object === null ? source.kind : formatRef(source.object), dst, begun);
    }
  }

  /** The pairs with the most new flows, then with the most flows. `at` is the time of this look. */
  answer(limit: number, at: number): { readonly pairs: FlowPairs; readonly look: PairLook } {
    const rate = this.#rateSince(at);
    const sums = [...this.#sums.values()].sort((a, b) => b.begun - a.begun || b.flows - a.flows);
    const listed = sums.slice(0, limit).map(({ kind, from, to, flows, begun }): FlowPair => {
      return { kind, from, to, flows, newFlowsPerSecond: rate(begun) };
    });
    const left = sums.length - listed.length;
    return {
      pairs: { flows: this.#flows, newFlowsPerSecond: rate(this.#begun), left, pairs: listed },
      look: { at, seen: this.#seen },
    };
  }

  #rateSince(at: number): (begun: number) => number | null {
    const before = this.#before;
    if (before === null || at <= before.at) return () => null;
    return (begun) => Math.round((begun / (at - before.at)) * 100_000) / 100;
  }

  #count(kind: NatKind, from: string, to: string, begun: number): void {
    const key = `${kind} ${from} ${to}`;
    let sum = this.#sums.get(key);
    if (sum === undefined) {
      sum = { kind, from, to, flows: 0, begun: 0 };
      this.#sums.set(key, sum);
    }
    sum.flows++;
    sum.begun += begun;
  }
}
