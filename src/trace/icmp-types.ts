import type { Icmp } from '../explain/icmp.ts';
import type { Family } from '../net/family.ts';

type Kind = Icmp['kind'];

/** Types of RFC 792 and RFC 4443; null: the family has none of this name. */
const TYPES: Readonly<Record<Kind, Readonly<Record<Family, number | null>>>> = {
  'echo-request': { IPv4: 8, IPv6: 128 },
  'echo-reply': { IPv4: 0, IPv6: 129 },
  'destination-unreachable': { IPv4: 3, IPv6: 1 },
  'fragmentation-needed': { IPv4: 3, IPv6: null },
  'packet-too-big': { IPv4: null, IPv6: 2 },
  'time-exceeded': { IPv4: 11, IPv6: 3 },
  'parameter-problem': { IPv4: 12, IPv6: 4 },
};

export function icmpType(kind: Kind, family: Family): number | null {
  return TYPES[kind][family];
}

export function isEchoRequest(type: number, family: Family): boolean {
  return TYPES['echo-request'][family] === type;
}
