/** A transport protocol as the Kubernetes API writes it (`ServicePort.protocol`). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** Of a packet: also ICMP, which has no ports, so no Service and no binding. */
export type PacketProtocol = Protocol | 'ICMP' | 'ICMPv6';

export function hasPorts(protocol: PacketProtocol): protocol is Protocol {
  return protocol !== 'ICMP' && protocol !== 'ICMPv6';
}

export const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** IANA protocol numbers, the values of `meta l4proto`. */
export const protocolNumber = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58 } as const satisfies Record<
  PacketProtocol,
  number
>;

/** Accepts upper and lower case; null for anything else. */
export function parseProtocol(text: string): Protocol | null {
  const upper = text.toUpperCase();
  return PROTOCOLS.find((protocol) => protocol === upper) ?? null;
}

export function protocolFromNumber(number: number): Protocol | null {
  return PROTOCOLS.find((protocol) => protocolNumber[protocol] === number) ?? null;
}
