import { net16 } from '../bytes.ts';

/**
 * The Internet checksum (RFC 1071) of an even number of bytes.
 * @param before the sum of what is not among them, such as the rest of a pseudo header
 */
export function checksum(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  let sum = before;
  for (let at = start; at < end; at += 2) sum += net16(bytes, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** CRC32c (RFC 9260, appendix A). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (CRC_OF_BYTE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The polynomial, its bits in reverse order. */
const CASTAGNOLI = 0x82f6_3b78;

const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc;
});
