/** A transport protocol as the Kubernetes API writes it (`ServicePort.protocol`). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** IANA protocol numbers, the values of `meta l4proto`. */
export const protocolNumber = { TCP: 6, UDP: 17, SCTP: 132 } as const satisfies Record<Protocol, number>;

/** Accepts upper and lower case; null for anything else. */
export function parseProtocol(text: string): Protocol | null {
  const upper = text.toUpperCase();
  return PROTOCOLS.find((protocol) => protocol === upper) ?? null;
}

export function protocolFromNumber(number: number): Protocol | null {
  return PROTOCOLS.find((protocol) => protocolNumber[protocol] === number) ?? null;
}
