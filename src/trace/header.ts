import { addressFromBytes, formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { PROTOCOLS, protocolNumber } from '../net/protocol.ts';
import { net16 } from '../wire/bytes.ts';
import type { PacketHeaders } from '../wire/nftables/trace.ts';

/** A packet as its headers say. */
export interface Header {
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IANA number. */
  readonly protocol: number;
  /** Null for protocols without ports, and for later fragments. */
  readonly sourcePort: number | null;
  readonly port: number | null;
  /** Type and code of ICMP; null for other protocols. */
  readonly icmp: { readonly type: number; readonly code: number } | null;
  /** Bytes with the IP header. */
  readonly length: number;
  /** What else helps to recognise it: `SYN`, `type 8 code 0`; empty for nothing. */
  readonly details: string;
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;
const WITH_PORTS: ReadonlySet<number> = new Set(PROTOCOLS.map((name) => protocolNumber[name]));
const ICMP: ReadonlySet<number> = new Set([protocolNumber.ICMP, protocolNumber.ICMPv6]);

/** Null where the bytes are no IP header. A transport header may be cut off. */
export function readHeader({ network, transport }: PacketHeaders): Header | null {
  const version = (network[0] ?? 0) >> 4;
  if (version === 4 && network.length >= 20) {
    const isFirst = (net16(network, 6) & 0x1fff) === 0;
    return {
      family: 'IPv4',
      source: addressFromBytes(network.subarray(12, 16)),
      destination: addressFromBytes(network.subarray(16, 20)),
      length: net16(network, 2),
      ...transportOf(network[9] as number, isFirst ? transport : new Uint8Array(0)),
    };
  }
  if (version === 6 && network.length >= 40) {
    return {
      family: 'IPv6',
      source: addressFromBytes(network.subarray(8, 24)),
      destination: addressFromBytes(network.subarray(24, 40)),
      length: net16(network, 4) + 40,
      ...transportOf(network[6] as number, transport),
    };
  }
  return null;
}

function transportOf(
  protocol: number,
  bytes: Uint8Array,
): Pick<Header, 'protocol' | 'sourcePort' | 'port' | 'icmp' | 'details'> {
  const none = { protocol, sourcePort: null, port: null, icmp: null };
  if (ICMP.has(protocol) && bytes.length >= 2) {
    const [type = 0, code = 0] = bytes;
    return { ...none, icmp: { type, code }, details: `type ${type} code ${code}` };
  }
  if (!WITH_PORTS.has(protocol) || bytes.length < 4) return { ...none, details: '' };
  const flags = protocol === protocolNumber.TCP && bytes.length >= 14 ? (bytes[13] as number) : 0;
  const details = FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(' ');
  return { ...none, sourcePort: net16(bytes, 0), port: net16(bytes, 2), details };
}

/** `10.244.1.5:40000`; without a port the address alone. */
export function endText(address: IpAddress, port: number | null): string {
  return port === null ? address : formatEndpoint(address, port);
}
