import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';

/** Errors about another packet, by the names of RFC 792 and RFC 4443. */
export const ICMP_ERRORS = [
  'destination-unreachable',
  'fragmentation-needed',
  'packet-too-big',
  'time-exceeded',
  'parameter-problem',
] as const;

export type IcmpError = (typeof ICMP_ERRORS)[number];

export const ICMP_ECHOES = ['echo-request', 'echo-reply'] as const;

/** The packet that an error is about, as the reporter of the error saw it. */
export interface InnerPacket {
  readonly source: IpAddress;
  readonly sourcePort: Port;
  readonly destination: IpAddress;
  readonly port: Port;
  readonly protocol: Protocol;
}

export type Icmp =
  | { readonly kind: (typeof ICMP_ECHOES)[number] }
  | { readonly kind: IcmpError; readonly inner: InnerPacket };

/** An answer begins no connection: it belongs to one, or conntrack does not know it. */
export function isAnswer(icmp: Icmp | undefined): boolean {
  return icmp !== undefined && icmp.kind !== 'echo-request';
}
