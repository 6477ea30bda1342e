import type { FlowView } from '../wire/conntrack/flow-view.ts';
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

/** Protocols without ports have 0 for both, and ICMP an id instead. */
export function hasPorts({ original: { icmp, sport, dport } }: FlowView): boolean {
  return icmp === null && (sport !== 0 || dport !== 0);
}
