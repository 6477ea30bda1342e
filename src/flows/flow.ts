import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { protocolFromNumber } from '../net/protocol.ts';

/** One direction of a flow, as conntrack has it. */
interface Direction {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly sport: number;
  readonly dport: number;
}

/** What of a conntrack entry says how it is translated: `ConntrackEntry` and `FlowView` both are one. */
export interface Flow {
  readonly family: Family;
  /** IANA number. */
  readonly protocol: number;
  /** Bits of `conntrackStatus`. */
  readonly status: number;
  /** As the first packet came. */
  readonly original: Direction;
  /** As a reply comes: from where the flow really goes, to what its source became. */
  readonly reply: Direction;
}

/** Names of protocols that are tracked and have no ports of ours (IANA protocol numbers). */
const others: Readonly<Record<number, string>> = {
  1: 'ICMP',
  33: 'DCCP',
  47: 'GRE',
  58: 'ICMPv6',
  136: 'UDPLITE',
};

/** `TCP`, `ICMP`; the number of one that has no name here. */
export function protocolName(number: number): string {
  return protocolFromNumber(number) ?? others[number] ?? String(number);
}

/** The number of a protocol by name or number; null when it is none. */
export function protocolNumberOf(text: string): number | null {
  const wanted = text.toUpperCase();
  for (let number = 0; number < 256; number++) {
    if (protocolName(number).toUpperCase() === wanted || String(number) === text) return number;
  }
  return null;
}
