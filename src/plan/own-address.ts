import type { LocalAddress, NodeFacts } from '../model/node.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { isLoopback } from './service.ts';

/** 224.0.0.0/4 and ff00::/8. */
function isMulticast(address: IpAddress): boolean {
  const number = addressNumber(address);
  return familyOf(address) === 'IPv4' ? number >> 28n === 0xen : number >> 120n === 0xffn;
}

/** 0.0.0.0/8 (RFC 1122: this network) and ::. */
function isUnspecified(address: IpAddress): boolean {
  return familyOf(address) === 'IPv4' ? address.startsWith('0.') : address === '::';
}

/**
 * Why the address cannot be one that this node translates to or from, as the end of a sentence; null when it can. The
 * same wherever an object or an option names an address of the node.
 */
export function unusableOwnAddress(
  address: IpAddress,
  node: Pick<NodeFacts, 'nodeName' | 'localAddresses'>,
): string | null {
  if (isLoopback(address)) return 'is a loopback address: nothing comes back to it from outside';
  if (isMulticast(address)) return 'is a multicast address';
  if (isUnspecified(address)) return 'is no address of a host';
  if (node.localAddresses.some((local) => local.address === address)) return null;
  return `is not an address of node ${node.nodeName}`;
}

/** Orders addresses by what the routes say of them: the source of a default route, then the network of its gateway. */
export function byRoutes(a: Pick<LocalAddress, 'byRoute'>, b: Pick<LocalAddress, 'byRoute'>): number {
  return RANKS[a.byRoute ?? 'none'] - RANKS[b.byRoute ?? 'none'];
}

const RANKS = { source: 0, gateway: 1, none: 2 } as const;
