/**
 * The demo cluster's addresses, all from ranges for documentation (RFC 5737, RFC 3849) or private use.
 *
 *     outside network   198.51.100.0/24     2001:db8:198::/64
 *     node LAN          203.0.113.0/24      2001:db8:0:113::/64     public-looking, as Pod NAT asks of a node address
 *     pods of node n    10.244.n.0/24       fd00:10:244:n::/64
 *     services          10.96.0.0/16        fd00:10:96::/112        routed nowhere
 */
import { type IpAddress, parseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Prefix, prefixOf } from '../net/prefix.ts';

/** One value for each family. */
export type Dual<T> = Readonly<Record<Family, T>>;

/** On the outside network: 1 is the router, 10 and up are hosts. */
export function outsideAddress(last: number): Dual<IpAddress> {
  return { IPv4: address(`198.51.100.${last}`), IPv6: address(`2001:db8:198::${last}`) };
}

/** On the node LAN: 1 is the router, 10 + n is node n. */
export function lanAddress(last: number): Dual<IpAddress> {
  return { IPv4: address(`203.0.113.${last}`), IPv6: address(`2001:db8:0:113::${last}`) };
}

/** In the pod network of a node (1, 2, …): 1 is the node itself, 10 and up are pods. */
export function podAddress(node: number, last: number): Dual<IpAddress> {
  return { IPv4: address(`10.244.${node}.${last}`), IPv6: address(`fd00:10:244:${node}::${last}`) };
}

/** The pod network of a node (1, 2, …). */
export function podCIDRs(node: number): Dual<Prefix> {
  return { IPv4: prefixOf(`10.244.${node}.0/24`), IPv6: prefixOf(`fd00:10:244:${node}::/64`) };
}

export function serviceAddress(last: number): Dual<IpAddress> {
  return { IPv4: address(`10.96.0.${last}`), IPv6: address(`fd00:10:96::${last}`) };
}

/** Bits of every network of the plan. */
export const NETWORK_BITS: Dual<number> = { IPv4: 24, IPv6: 64 };

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === null) throw new TypeError(`not an address: ${text}`);
  return parsed;
}
