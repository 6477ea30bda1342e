import { protocolFromNumber } from '../net/protocol.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';

/** Names of tracked protocols other than TCP, UDP and SCTP (IANA protocol numbers). */
const others: Readonly<Record<number, string>> = {
  1: 'ICMP',
  33: 'DCCP',
  47: 'GRE',
  58: 'ICMPv6',
  136: 'UDPLITE',
};

/** `TCP`, `ICMP`; the number of a protocol without a name here. */
export function protocolName(number: number): string {
  return protocolFromNumber(number) ?? others[number] ?? String(number);
}

/** The number of a protocol by name or number; null when unknown. */
export function protocolNumberOf(text: string): number | null {
  const wanted = text.toUpperCase();
  for (let number = 0; number < 256; number++) {
    if (protocolName(number).toUpperCase() === wanted || String(number) === text) return number;
  }
  return null;
}

/** Protocols without ports have 0 for both, and ICMP an id instead. */
export function hasPorts({ original: { icmp, sport, dport } }: FlowView): boolean {
  return icmp === null && (sport !== 0 || dport !== 0);
}
