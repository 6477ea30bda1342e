import { addressFromNumber, formatEndpoint, type IpAddress, parseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressSet, setContains } from '../net/ranges.ts';
import type { Cell } from './cell.ts';

/** Addresses for documentation (RFC 5737, RFC 3849): they stand for "anywhere". */
const ANYWHERE: Readonly<Record<Family, readonly (IpAddress | null)[]>> = {
  IPv4: ['198.51.100.1', '203.0.113.1', '192.0.2.1'].map(parseAddress),
  IPv6: ['2001:db8::1', '2001:db8:ffff::1'].map(parseAddress),
};

/** One packet of the cell, as `explain` takes it. */
export function examplePacket({ sources, destinations, protocols, ports, sourcePorts }: Cell) {
  const sourcePort = sourcePorts[0]?.first ?? 0;
  const from = oneOf(sources);
  return {
    from: sourcePort === 0 ? from : formatEndpoint(from, sourcePort),
    to: formatEndpoint(oneOf(destinations), ports.some(holds(443)) ? 443 : (ports[0]?.first ?? 1)),
    proto: (PROTOCOLS.find((_, index) => (protocols & (1 << index)) !== 0) ?? 'TCP').toLowerCase(),
  };
}

function holds(port: number) {
  return ({ first, last }: { readonly first: number; readonly last: number }) =>
    first <= port && port <= last;
}

/** An address of the set that a host can have, if there is one. */
function oneOf(set: AddressSet): IpAddress {
  const anywhere = ANYWHERE[set.family].find((address) => address !== null && setContains(set, address));
  if (anywhere != null) return anywhere;
  const [{ first, last }] = set.ranges as [AddressSet['ranges'][number]];
  return addressFromNumber(set.family, first < last ? first + 1n : first);
}
