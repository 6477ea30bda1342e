import type { LocalAddress, NodeFacts } from '../model/node.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixContains } from '../net/prefix.ts';
import { specialKind } from '../net/special-address.ts';
import type { PlanOptions } from './options.ts';

/** Why this node cannot use an address named by an object or an option, as the end of a sentence; null if it can. */
export function unusableOwnAddress(
  address: IpAddress,
  node: Pick<NodeFacts, 'nodeName' | 'localAddresses' | 'isPartlyKnown'>,
): string | null {
  switch (specialKind(address)) {
    case 'loopback':
      return 'is a loopback address: nothing comes back to it from outside';
    case 'multicast':
      return 'is a multicast address';
    case 'unspecified':
    case 'this-network':
      return 'is no address of a host';
    default:
      if (node.localAddresses.some((local) => local.address === address)) return null;
      return `is not ${node.isPartlyKnown === true ? 'known to be ' : ''}an address of node ${node.nodeName}`;
  }
}

/**
 * The first eligible address in order of preference that the filter does not exclude; addresses on a default route
 * first.
 */
export function publicAddress(
  family: Family,
  node: Pick<NodeFacts, 'localAddresses'>,
  options: Pick<PlanOptions, 'publicAddressFilter' | 'publicAddressAllowed'>,
): IpAddress | null {
  const isPublic = (address: IpAddress) =>
    !options.publicAddressFilter.some((prefix) => prefixContains(prefix, address)) ||
    options.publicAddressAllowed.some((prefix) => prefixContains(prefix, address));
  const candidates = node.localAddresses.filter(
    (local) => local.eligible && familyOf(local.address) === family && isPublic(local.address),
  );
  return (candidates.find((local) => local.onDefaultRoute) ?? candidates[0])?.address ?? null;
}

/** Orders addresses by routes: the source of a default route, then the network of its gateway, then others. */
export function byRoutes(a: Pick<LocalAddress, 'byRoute'>, b: Pick<LocalAddress, 'byRoute'>): number {
  return RANKS[a.byRoute ?? 'none'] - RANKS[b.byRoute ?? 'none'];
}

const RANKS = { source: 0, gateway: 1, none: 2 } as const;
