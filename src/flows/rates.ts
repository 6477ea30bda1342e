import type { NatKind, Rate } from '../forms/flows.ts';
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
  readonly #sums = new Map<string, Sum>();
  #counted = false;

  /** First look; counts only translated flows. */
  first(flow: FlowView): void {
    this.#before.set(flow.id, flow.counted ? [flow.packets, flow.bytes] : NOTHING);
  }

  /** Second look. A flow counts for what translated its destination and for what translated its source. */
  second(flow: FlowView, { destination, source }: Judgement): void {
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
    const rates = [...this.#sums.values()].map(({ kind, object, flows, begun, packets, bytes }): Rate => {
      return {
        kind,
        object,
        flows,
        newFlowsPerSecond: rounded(begun / seconds),
        packetsPerSecond: this.#counted ? rounded(packets / seconds) : null,
        bytesPerSecond: this.#counted ? rounded(bytes / seconds) : null,
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

const NOTHING = Object.freeze([0, 0] as const);

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
