import type { Family } from '../../net/family.ts';
import type { Decoded } from '../attributes.ts';
import {
  type ConntrackEntry,
  type conntrackAttributes,
  type FlowTuple,
  type TrackedFlow,
  tupleAttributesOf,
} from './entry.ts';

/** Conditions that an entry must all meet. */
export interface FlowFilter {
  readonly family?: Family;
  /** IANA number. */
  readonly protocol?: number;
  readonly original?: TupleFilter;
  readonly reply?: TupleFilter;
  readonly zone?: number;
  /** `mark & mask === value`. */
  readonly mark?: Masked;
  /** `status & mask === value`, bits of `conntrackStatus`. */
  readonly status?: Masked;
}

export type TupleFilter = Partial<Pick<FlowTuple, 'src' | 'dst' | 'sport' | 'dport'>>;

export interface Masked {
  readonly value: number;
  readonly mask: number;
}

/** The part of an entry that filters compare; `ConntrackEntry` and `FlowView` have it. */
type FilteredFlow = TrackedFlow & Pick<ConntrackEntry, 'zone' | 'mark'>;

/** Does not rely on the kernel's filter: older kernels ignore parts of it. */
export function matches(filter: FlowFilter, entry: FilteredFlow): boolean {
  return (
    (filter.family === undefined || filter.family === entry.family) &&
    (filter.protocol === undefined || filter.protocol === entry.protocol) &&
    (filter.zone === undefined || filter.zone === entry.zone) &&
    (filter.mark === undefined || has(filter.mark, entry.mark)) &&
    (filter.status === undefined || has(filter.status, entry.status)) &&
    (filter.original === undefined || tupleMatches(filter.original, entry.original)) &&
    (filter.reply === undefined || tupleMatches(filter.reply, entry.reply))
  );
}

function has(wanted: Masked, bits: number): boolean {
  return ((bits ^ wanted.value) & wanted.mask) === 0;
}

function tupleMatches(wanted: TupleFilter, tuple: FilteredFlow['original']): boolean {
  return (
    (wanted.src === undefined || wanted.src === tuple.src) &&
    (wanted.dst === undefined || wanted.dst === tuple.dst) &&
    (wanted.sport === undefined || wanted.sport === tuple.sport) &&
    (wanted.dport === undefined || wanted.dport === tuple.dport)
  );
}

/** Bits of CTA_FILTER_ORIG_FLAGS: net/netfilter/nf_internals.h. */
const CTA_FILTER_F = { src: 1 << 0, dst: 1 << 1, protocol: 1 << 3, sport: 1 << 4, dport: 1 << 5 } as const;

/**
 * The part of the filter that the kernel evaluates to send less: the mark on all kernels, the original tuple since 5.8
 * (needs the family, and for ports the protocol), the status since 5.15, the zone since 6.8; others ignore it.
 *
 * Two parts never go to the kernel. The reply tuple: kernels read it with the flags of the original one. IPv6
 * addresses: since 5.8 the kernel takes `ipv6_addr_cmp` for "is equal" and sends everything but the wanted entries
 * (net/netfilter/nf_conntrack_netlink.c, ctnetlink_filter_match_tuple).
 */
export function kernelFilter(filter: FlowFilter): Decoded<typeof conntrackAttributes.rows> {
  const { family, protocol, mark, status, zone } = filter;
  const attributes = {
    ...(mark === undefined ? {} : { mark: (mark.value & mark.mask) >>> 0, markMask: mark.mask }),
    ...(status === undefined || status.mask === 0
      ? {}
      : { status: (status.value & status.mask) >>> 0, statusMask: status.mask }),
    ...(zone === undefined ? {} : { zone }),
  };
  const { src, dst, sport, dport } = filter.original ?? {};
  const comparesAddresses = family === 'IPv4';
  const wanted: Partial<FlowTuple> = {
    ...(src === undefined || !comparesAddresses ? {} : { src }),
    ...(dst === undefined || !comparesAddresses ? {} : { dst }),
    ...(sport === undefined || protocol === undefined ? {} : { sport }),
    ...(dport === undefined || protocol === undefined ? {} : { dport }),
  };
  let flags = protocol === undefined ? 0 : CTA_FILTER_F.protocol;
  for (const key of Object.keys(wanted) as (keyof TupleFilter)[]) flags |= CTA_FILTER_F[key];
  if (family === undefined || flags === 0) return attributes;
  return {
    ...attributes,
    original: tupleAttributesOf(family, protocol, wanted),
    filter: { original: flags },
  };
}
