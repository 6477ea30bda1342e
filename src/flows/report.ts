import { formatRef, type ObjectRef } from '../model/object.ts';
import { formatEndpoint } from '../net/address.ts';
import { conntrackStatus } from '../wire/conntrack/entry.ts';
import type { FlowView, TupleView } from '../wire/conntrack/flow-view.ts';
import { protocolName } from './flow.ts';
import type { Judgement } from './judge.ts';
import type { Names } from './names.ts';
import type { NatKind } from './source-decision.ts';

/** One direction of a flow: `address`, or `address:port` for protocols that have ports. */
export interface DirectionReport {
  readonly source: string;
  readonly destination: string;
}

/** Which rule of knat translated. */
export interface NatReport {
  readonly kind: NatKind;
  /** `Service shop/web`; null where no single object stands behind it. */
  readonly object: string | null;
}

/** A flow for people and programs: one line of `GET /v1/flows`, one item of `knat flows -o json`. */
export interface FlowReport {
  /** `TCP`, `UDP`, `SCTP`, `ICMP`, …; a number for others. */
  readonly protocol: string;
  /** As the first packet came. */
  readonly original: DirectionReport;
  /** As a reply comes, before it is translated back. */
  readonly reply: DirectionReport;
  /** Who began the flow: `Pod shop/web-0`, `Node worker-1`; null where the address is nobody's that is known. */
  readonly from: string | null;
  /** Who really answers, after translation. */
  readonly to: string | null;
  /** What the destination became, and by what. */
  readonly destinationNat: (NatReport & { readonly frontend: string; readonly endpoint: string }) | null;
  /** What the source became, and by what. */
  readonly sourceNat: (NatReport & { readonly address: string }) | null;
  /** Why the plan of now would translate it otherwise; null: it would not. */
  readonly stale: string | null;
  /** Packets came in both directions. */
  readonly replied: boolean;
  /** Null unless net.netfilter.nf_conntrack_timestamp is on. */
  readonly ageSeconds: number | null;
  /** Until conntrack forgets it, unless packets come. Null in events of its end. */
  readonly timeoutSeconds: number | null;
  /** Both directions together; null unless net.netfilter.nf_conntrack_acct is on. */
  readonly packets: number | null;
  readonly bytes: number | null;
  /** Conntrack's own: they tell this flow from a later one of the same addresses. */
  readonly id: number;
  readonly zone: number;
}

/** @param now milliseconds since the epoch */
export function reportOf(flow: FlowView, judgement: Judgement, names: Names | null, now: number): FlowReport {
  const { protocol, original, reply, startedAt } = flow;
  const { destination, source, stale } = judgement;
  const place = hasPorts(flow) ? formatEndpoint : (address: TupleView['src']) => address;
  const endpoint = place(reply.src, reply.sport);
  const outside = place(reply.dst, reply.dport);
  return {
    protocol: protocolName(protocol),
    original: {
      source: place(original.src, original.sport),
      destination: place(original.dst, original.dport),
    },
    reply: { source: endpoint, destination: outside },
    from: names?.of(original.src) ?? null,
    to: names?.of(reply.src) ?? null,
    destinationNat:
      destination === null
        ? null
        : {
            kind: destination.kind,
            object: refOf(destination.object),
            frontend: destination.frontend,
            endpoint,
          },
    sourceNat: source === null ? null : { kind: source.kind, object: refOf(source.object), address: outside },
    stale,
    replied: (flow.status & conntrackStatus.IPS_SEEN_REPLY) !== 0,
    ageSeconds: startedAt === null ? null : Math.max(0, Math.round((now - startedAt) / 1000)),
    timeoutSeconds: flow.timeoutSeconds,
    packets: flow.counted ? flow.packets : null,
    bytes: flow.counted ? flow.bytes : null,
    id: flow.id,
    zone: flow.zone,
  };
}

/** Protocols without ports have 0 for both, and ICMP an id instead. */
export function hasPorts({ original: { icmp, sport, dport } }: FlowView): boolean {
  return icmp === null && (sport !== 0 || dport !== 0);
}

function refOf(object: ObjectRef | null): string | null {
  return object === null ? null : formatRef(object);
}
