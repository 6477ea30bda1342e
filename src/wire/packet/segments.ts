/**
 * Two packets that end a connection whose other end is gone, with their IP headers. Both are written into bytes of any content, of
 * which at most 60 are used, and return their length. Numbers are in network order, save
 * the checksum of SCTP, whose bytes are in reverse order (RFC 9260, appendix A).
 */
import { familyOf, type IpAddress, putAddress } from '../../net/address.ts';
import { putNet16, putNet32 } from '../bytes.ts';
import { checksum, crc32c } from './checksums.ts';

/** The ends of a packet. */
export interface Ends {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly sport: number;
  readonly dport: number;
}

const TCP = 6;
const SCTP = 132;
const HOP_LIMIT = 64;
const TCP_HEADER = 20;
const SYN_ACK = 0x12;
/** Common header, and an ABORT chunk without causes (RFC 9260, sections 3 and 3.3.7). */
const SCTP_ABORT = 12 + 4;
const ABORT = 6;

/**
 * A segment that no connection accepts, whatever its numbers: an end that has the connection answers by a segment with
 * its own numbers (RFC 5961, section 4), one that has not by a reset.
 * @param number any
 */
export function putChallenge(bytes: Uint8Array, ends: Ends, number: number): number {
  const at = putIp(bytes, ends, TCP, TCP_HEADER);
  putPorts(bytes, at, ends);
  putNet32(bytes, at + 4, number);
  putNet32(bytes, at + 8, number ^ 0x5555_5555);
  bytes[at + 12] = (TCP_HEADER / 4) << 4;
  bytes[at + 13] = SYN_ACK;
  // The addresses stand right before the segment: with protocol and length they are the pseudo header.
  const from = at - 2 * (bytes[0] === 0x45 ? 4 : 16);
  const end = at + TCP_HEADER;
  putNet16(bytes, at + 16, checksum(bytes, from, end, TCP + TCP_HEADER));
  return end;
}

/**
 * Ends an association at once.
 * @param tag the verification tag that the receiver expects
 */
export function putAbort(bytes: Uint8Array, ends: Ends, tag: number): number {
  const at = putIp(bytes, ends, SCTP, SCTP_ABORT);
  putPorts(bytes, at, ends);
  putNet32(bytes, at + 4, tag);
  bytes[at + 12] = ABORT;
  putNet16(bytes, at + 14, 4);
  const end = at + SCTP_ABORT;
  const sum = crc32c(bytes.subarray(at, end));
  for (let i = 0; i < 4; i++) bytes[at + 8 + i] = (sum >>> (8 * i)) & 0xff;
  return end;
}

function putPorts(bytes: Uint8Array, at: number, { sport, dport }: Ends): void {
  putNet16(bytes, at, sport);
  putNet16(bytes, at + 2, dport);
}

/** Returns where the content begins. The kernel fills in the checksum of an IPv4 header. */
function putIp(bytes: Uint8Array, { src, dst }: Ends, protocol: number, length: number): number {
  if (familyOf(src) === 'IPv4') {
    bytes.fill(0, 0, 20 + length);
    bytes[0] = 0x45;
    putNet16(bytes, 2, 20 + length);
    bytes[8] = HOP_LIMIT;
    bytes[9] = protocol;
    putAddress(bytes, 12, src);
    putAddress(bytes, 16, dst);
    return 20;
  }
  bytes.fill(0, 0, 40 + length);
  bytes[0] = 0x60;
  putNet16(bytes, 4, length);
  bytes[6] = protocol;
  bytes[7] = HOP_LIMIT;
  putAddress(bytes, 8, src);
  putAddress(bytes, 24, dst);
  return 40;
}
