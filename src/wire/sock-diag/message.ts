/**
 * Sockets of the host, from NETLINK_SOCK_DIAG: include/uapi/linux/inet_diag.h and sock_diag.h.
 *
 * The request is `struct inet_diag_req_v2`, the answer one `struct inet_diag_msg` with attributes for each socket.
 * Numbers are in host byte order, ports and addresses in network order; an IPv4 address fills the first 4 of 16 bytes.
 */
import { addressFromBytes, familyOf, type IpAddress, unmapped } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { type Protocol, protocolNumber } from '../../net/protocol.ts';
import { nest, u8 } from '../attributes.ts';
import { type ByteWriter, host32, net16 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { familyNumber, familyOfNumber } from '../family-number.ts';
import type { Message } from '../messages.ts';

/** The message type of requests and answers: include/uapi/linux/sock_diag.h. */
export const SOCK_DIAG_BY_FAMILY = 20;

/** `struct inet_diag_sockid`: ports (2 × 2), addresses (2 × 16), interface (4), cookie (8). */
const SOCKID = 48;
/** `struct inet_diag_msg`: family, state, timer, retrans; the sockid; expires, rqueue, wqueue, uid, inode (4 each). */
const INET_DIAG_MSG = 4 + SOCKID + 20;

/**
 * States in which a socket accepts packets from any peer, as bits of `idiag_states` (include/net/tcp_states.h):
 * TCP_LISTEN (SCTP_SS_LISTENING); for UDP TCP_CLOSE, which is bound but not connected.
 */
const takingStates = {
  TCP: 1 << 10,
  UDP: 1 << 7,
  SCTP: 1 << 10,
} as const satisfies Record<Protocol, number>;

const attributes = nest({ onlyIpv6: [11, 'INET_DIAG_SKV6ONLY', u8] });

export interface TakingSocket {
  readonly protocol: Protocol;
  readonly port: Port;
  /** The bound address; null: every address of its families. */
  readonly address: IpAddress | null;
  /** IPv6 sockets without IPV6_V6ONLY take IPv4 too. */
  readonly families: readonly Family[];
  /** The kernel's number of the socket, never reused. */
  readonly cookie: bigint;
}

/** Requests the sockets of a family and protocol that accept packets from any peer. */
export function writeDumpRequest(writer: ByteWriter, family: Family, protocol: Protocol): void {
  writer.u8(familyNumber[family]);
  writer.u8(protocolNumber[protocol]);
  writer.u8(0);
  writer.u8(0);
  writer.host32(takingStates[protocol]);
  writer.raw(new Uint8Array(SOCKID));
}

/** Null for a family other than IP, and for a socket without a port. */
export function readSocket(message: Message, protocol: Protocol): TakingSocket | null {
  const { bytes, start, end } = message;
  if (end - start < INET_DIAG_MSG) throw malformed('SOCK_DIAG_BY_FAMILY without inet_diag_msg');
  const family = familyOfNumber(bytes[start] as number);
  const port = parsePort(net16(bytes, start + 4));
  const { onlyIpv6 = 0 } = attributes.read(bytes, start + INET_DIAG_MSG, end, 'SOCK_DIAG_BY_FAMILY');
  if (family === null || port === null) return null;
  // An IPv6 socket bound to an IPv4 address has it as ::ffff:192.0.2.1.
  const bound = unmapped(
    addressFromBytes(bytes.subarray(start + 8, start + 8 + (family === 'IPv4' ? 4 : 16))),
  );
  const address = bound === '0.0.0.0' || bound === '::' ? null : bound;
  const both = family === 'IPv6' && address === null && onlyIpv6 === 0;
  return {
    protocol,
    port,
    address,
    families: both ? ['IPv4', 'IPv6'] : [address === null ? family : familyOf(address)],
    cookie: BigInt(host32(bytes, start + 44)) | (BigInt(host32(bytes, start + 48)) << 32n),
  };
}
