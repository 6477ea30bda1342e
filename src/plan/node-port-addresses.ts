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
 * Where NodePorts answer; where that is every address, the one that stands for all of them: a load balancer may ask at
 * an address that is local by a route alone, which no interface bears.
 */
export function addressesForHealthChecks(node: NodeFacts, family: Family): readonly IpAddress[] {
  const wanted = prefixSet(family, node.nodePortAddresses ?? []);
  if (complementOf(wanted).ranges.length === 0) return [addressFromNumber(family, 0n)];
  return addressesForNodePorts(node).filter(
    (address) => familyOf(address) === family && !prefixContains(LINK_LOCAL.IPv6, address),
  );
}
