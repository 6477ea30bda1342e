import type { NodeFacts } from '../model/node.ts';
import { addressFromNumber, familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixContains, prefixSet } from '../net/prefix.ts';
import { complementOf } from '../net/ranges.ts';
import { isLoopback, LINK_LOCAL } from '../net/special-address.ts';

/** The node addresses on which NodePorts answer: local addresses in `nodePortAddresses`, never loopback. */
export function addressesForNodePorts(node: NodeFacts): readonly IpAddress[] {
  const { nodePortAddresses } = node;
  if (nodePortAddresses === null) return node.nodeIPs;
  const local = new Set(node.localAddresses.map(({ address }) => address));
  return [...local].filter(
    (address) => !isLoopback(address) && nodePortAddresses.some((prefix) => prefixContains(prefix, address)),
  );
}

/**
 * If NodePorts answer on every address, it is the unspecified address: a load balancer may use an address that is local
 * by a route alone and on no interface.
 */
export function addressesForHealthChecks(node: NodeFacts, family: Family): readonly IpAddress[] {
  const wanted = prefixSet(family, node.nodePortAddresses ?? []);
  if (complementOf(wanted).ranges.length === 0) return [addressFromNumber(family, 0n)];
  return addressesForNodePorts(node).filter(
    (address) => familyOf(address) === family && !prefixContains(LINK_LOCAL.IPv6, address),
  );
}
