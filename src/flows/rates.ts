import type { NatKind, Rate } from '../forms/flows.ts';
import { limitReached } from '../limits/reached.ts';
import { limits } from '../limits/table.ts';
import { formatRef } from '../model/object.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { Judgement } from './judge.ts';

interface Sum {
  readonly kind: NatKind;
  readonly object: string;
  flows: number;
  begun: number;
  packets: number;
  bytes: number;
}

/**
 * Computes rates from two readings of the table. Flows are recognised by conntrack's id, so a flow that ends between
 * the readings does not reduce the sums. Its last traffic and flows within the interval are not counted.
 */
export class RateMeter {
  /** Packets and bytes of each flow at the first look. */
  readonly #before = new Map<number, readonly [packets: number, bytes: number]>();
  /** Flows are measured whose id has none of these bits: ids are hashes, so any part of them is as good as another. */
  #left = 0;
  readonly #sums = new Map<string, Sum>();
  #counted = false;

  /** First look; counts only translated flows. */
  first(flow: FlowView): void {
    if ((flow.id & this.#left) !== 0) return;
    this.#before.set(flow.id, flow.counted ? [flow.packets, flow.bytes] : NOTHING);
    if (this.#before.size <= REMEMBERED) return;
    limitReached('rated-flows');
    this.#left = (this.#left << 1) | 1;
    for (const id of this.#before.keys()) if ((id & this.#left) !== 0) this.#before.delete(id);
  }

  /** The part of the flows that is measured: 1, 1/2, 1/4 … */
  get share(): number {
    return 1 / (this.#left + 1);
  }

  /** Second look. A flow counts for what translated its destination and for what translated its source. */
  second(flow: FlowView, { destination, source }: Judgement): void {
    if ((flow.id & this.#left) !== 0) return;
    this.#counted ||= flow.counted;
    if (destination !== null) {
      const { kind, object, frontend } = destination;
      this.#add(flow, kind, object === null ? '' : `${formatRef(object)} ${frontend}`);
    }
    if (source !== null && source.kind !== 'service') {
      this.#add(flow, source.kind, source.object === null ? '' : formatRef(source.object));
    }
  }

  /** Sorted by bytes, then by flows. */
  rates(seconds: number): Rate[] {
    const times = this.#left + 1;
    const per = seconds / times;
    const rates = [...this.#sums.values()].map(({ kind, object, flows, begun, packets, bytes }): Rate => {
      return {
        kind,
        object,
        flows: flows * times,
        newFlowsPerSecond: rounded(begun / per),
        packetsPerSecond: this.#counted ? rounded(packets / per) : null,
        bytesPerSecond: this.#counted ? rounded(bytes / per) : null,
      };
    });
    return rates.sort((a, b) => (b.bytesPerSecond ?? 0) - (a.bytesPerSecond ?? 0) || b.flows - a.flows);
  }

  #add(flow: FlowView, kind: NatKind, object: string): void {
    const key = `${kind} ${object}`;
    let sum = this.#sums.get(key);
    if (sum === undefined) {
      sum = { kind, object, flows: 0, begun: 0, packets: 0, bytes: 0 };
      this.#sums.set(key, sum);
    }
    const before = this.#before.get(flow.id);
    sum.flows++;
    if (before === undefined) sum.begun++;
    const [packets, bytes] = before ?? NOTHING;
    sum.packets += Math.max(0, flow.packets - packets);
    sum.bytes += Math.max(0, flow.bytes - bytes);
  }
}

const REMEMBERED = limits['rated-flows'].most;

const NOTHING = Object.freeze([0, 0] as const);

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
