/**
 * A connection tracking entry. Names and numbers: include/uapi/linux/netfilter/nfnetlink_conntrack.h; network byte
 * order, as in all of ctnetlink. These tables only write; flow-view.ts reads.
 */
import type { IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { address, be16, be32, be64, type Decoded, nest, u8, u32 } from '../attributes.ts';

const ipAttributes = nest({
  srcV4: [1, 'CTA_IP_V4_SRC', address],
  dstV4: [2, 'CTA_IP_V4_DST', address],
  srcV6: [3, 'CTA_IP_V6_SRC', address],
  dstV6: [4, 'CTA_IP_V6_DST', address],
});

const protocolAttributes = nest({
  number: [1, 'CTA_PROTO_NUM', u8],
  sport: [2, 'CTA_PROTO_SRC_PORT', be16],
  dport: [3, 'CTA_PROTO_DST_PORT', be16],
  icmpId: [4, 'CTA_PROTO_ICMP_ID', be16],
  icmpType: [5, 'CTA_PROTO_ICMP_TYPE', u8],
  icmpCode: [6, 'CTA_PROTO_ICMP_CODE', u8],
  icmpv6Id: [7, 'CTA_PROTO_ICMPV6_ID', be16],
  icmpv6Type: [8, 'CTA_PROTO_ICMPV6_TYPE', u8],
  icmpv6Code: [9, 'CTA_PROTO_ICMPV6_CODE', u8],
});

const tupleAttributes = nest({
  ip: [1, 'CTA_TUPLE_IP', ipAttributes],
  protocol: [2, 'CTA_TUPLE_PROTO', protocolAttributes],
  zone: [3, 'CTA_TUPLE_ZONE', be16],
});

/** Ranges of addresses and ports to choose from. */
const natAttributes = nest({
  minV4: [1, 'CTA_NAT_V4_MINIP', address],
  maxV4: [2, 'CTA_NAT_V4_MAXIP', address],
  ports: [
    3,
    'CTA_NAT_PROTO',
    nest({ min: [1, 'CTA_PROTONAT_PORT_MIN', be16], max: [2, 'CTA_PROTONAT_PORT_MAX', be16] }),
  ],
  minV6: [4, 'CTA_NAT_V6_MINIP', address],
  maxV6: [5, 'CTA_NAT_V6_MAXIP', address],
});

const counterAttributes = nest({
  packets: [1, 'CTA_COUNTERS_PACKETS', be64],
  bytes: [2, 'CTA_COUNTERS_BYTES', be64],
});

/** The flags, in host byte order, are CTA_FILTER_F_… of net/netfilter/nf_internals.h. */
const filterAttributes = nest({
  original: [1, 'CTA_FILTER_ORIG_FLAGS', u32],
  reply: [2, 'CTA_FILTER_REPLY_FLAGS', u32],
});

export const conntrackAttributes = nest({
  original: [1, 'CTA_TUPLE_ORIG', tupleAttributes],
  reply: [2, 'CTA_TUPLE_REPLY', tupleAttributes],
  status: [3, 'CTA_STATUS', be32],
  natSource: [6, 'CTA_NAT_SRC', natAttributes],
  timeout: [7, 'CTA_TIMEOUT', be32],
  mark: [8, 'CTA_MARK', be32],
  originalCounters: [9, 'CTA_COUNTERS_ORIG', counterAttributes],
  replyCounters: [10, 'CTA_COUNTERS_REPLY', counterAttributes],
  id: [12, 'CTA_ID', be32],
  natDestination: [13, 'CTA_NAT_DST', natAttributes],
  zone: [18, 'CTA_ZONE', be16],
  markMask: [21, 'CTA_MARK_MASK', be32],
  filter: [25, 'CTA_FILTER', filterAttributes],
  statusMask: [26, 'CTA_STATUS_MASK', be32],
});

/** Bits of `status`: include/uapi/linux/netfilter/nf_conntrack_common.h, `enum ip_conntrack_status`. */
export const conntrackStatus = {
  IPS_SEEN_REPLY: 0x2,
  IPS_ASSURED: 0x4,
  IPS_CONFIRMED: 0x8,
  IPS_SRC_NAT: 0x10,
  IPS_DST_NAT: 0x20,
} as const;

/** One direction of a flow. Protocols without ports have 0 for both; ICMP has its id, type and code instead. */
export interface FlowTuple {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly sport: number;
  readonly dport: number;
  readonly icmp?: { readonly id: number; readonly type: number; readonly code: number };
}

export interface FlowCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface ConntrackEntry {
  readonly family: Family;
  /** IANA protocol number. */
  readonly protocol: number;
  readonly original: FlowTuple;
  readonly reply: FlowTuple;
  /** Bits of `conntrackStatus`. */
  readonly status: number;
  /** Differs from a later entry's with the same tuple; not unique by itself. */
  readonly id: number;
  /** Seconds until it expires; null in events of destruction. */
  readonly timeoutSeconds: number | null;
  readonly mark: number;
  readonly zone: number;
  /** Null unless net.netfilter.nf_conntrack_acct is on. */
  readonly counters: { readonly original: FlowCounters; readonly reply: FlowCounters } | null;
}

/** The part of a flow that defines its translation; `ConntrackEntry` and `FlowView` have it. */
export interface TrackedFlow extends Pick<ConntrackEntry, 'family' | 'protocol' | 'status'> {
  /** The first packet before translation. */
  readonly original: Omit<FlowTuple, 'icmp'>;
  /** A reply: from the translated destination to the translated source. */
  readonly reply: Omit<FlowTuple, 'icmp'>;
}

type TupleAttributes = Decoded<typeof tupleAttributes.rows>;

/** The attributes of a tuple, or of a filter's part of one. */
export function tupleAttributesOf(
  family: Family,
  protocol: number | undefined,
  tuple: Partial<FlowTuple>,
): TupleAttributes {
  const { src, dst, sport, dport, icmp } = tuple;
  const v4 = family === 'IPv4';
  const ip = {
    ...(src === undefined ? {} : { [v4 ? 'srcV4' : 'srcV6']: src }),
    ...(dst === undefined ? {} : { [v4 ? 'dstV4' : 'dstV6']: dst }),
  };
  if (protocol === undefined) return { ip };
  const ports = {
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
  };
  if (icmp === undefined) return { ip, protocol: { number: protocol, ...ports } };
  const { id, type, code } = icmp;
  const echo = v4
    ? { icmpId: id, icmpType: type, icmpCode: code }
    : { icmpv6Id: id, icmpv6Type: type, icmpv6Code: code };
  return { ip, protocol: { number: protocol, ...echo } };
}

/** The kernel wants the reply without NAT, and beside it the translations, each as a range of one. */
export function creationAttributes(entry: ConntrackEntry): Decoded<typeof conntrackAttributes.rows> {
  const { family, protocol, original, reply, status, timeoutSeconds, mark, zone } = entry;
  const { src, dst, sport, dport, icmp } = original;
  const plain = { src: dst, dst: src, sport: dport, dport: sport, ...(icmp === undefined ? {} : { icmp }) };
  return {
    original: tupleAttributesOf(family, protocol, original),
    reply: tupleAttributesOf(family, protocol, plain),
    status: (status | conntrackStatus.IPS_CONFIRMED) >>> 0, // as the kernel has it by then: a bit that never changes
    timeout: timeoutSeconds ?? 0,
    ...(reply.dst === src && reply.dport === sport
      ? {}
      : { natSource: only(family, reply.dst, reply.dport) }),
    ...(reply.src === dst && reply.sport === dport
      ? {}
      : { natDestination: only(family, reply.src, reply.sport) }),
    ...(mark === 0 ? {} : { mark }),
    ...(zone === 0 ? {} : { zone }),
  };
}

function only(family: Family, ip: IpAddress, port: number): Decoded<typeof natAttributes.rows> {
  const addresses = family === 'IPv4' ? { minV4: ip, maxV4: ip } : { minV6: ip, maxV6: ip };
  return { ...addresses, ports: { min: port, max: port } };
}
