import type { Family } from '../net/family.ts';
import type { IcmpHeader } from '../netfilter/packet.ts';
import type { Icmp } from './icmp.ts';

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

/** Code 4 of type 3 means that a packet is too big, so it is no other kind. */
const FRAGMENTATION_NEEDED = 4;

/** Type and code of a question's packet. Other errors may have several codes. */
export function icmpHeader(kind: Kind, family: Family): IcmpHeader {
  const isTooBig = kind === 'fragmentation-needed' || kind === 'packet-too-big';
  const same = family === 'IPv4' ? 'fragmentation-needed' : 'packet-too-big';
  const type = TYPES[isTooBig ? same : kind][family] ?? 0;
  if (isTooBig) return { type, code: family === 'IPv4' ? FRAGMENTATION_NEEDED : 0, isError: true };
  const isError = kind !== 'echo-request' && kind !== 'echo-reply';
  return { type, code: isError ? null : 0, isError };
}
