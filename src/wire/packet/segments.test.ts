import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../net/address.ts';
import { hex } from '../bytes.ts';
import { checksum, crc32c } from './checksums.ts';
import { type Ends, putAbort, putChallenge } from './segments.ts';

function ends(src: string, dst: string): Ends {
  const [from, to] = [parseAddress(src), parseAddress(dst)];
  if (from === null || to === null) throw new TypeError(`${src} ${dst}`);
  return { src: from, dst: to, sport: 80, dport: 40_000 };
}

test('the checksums of RFC 1071 and RFC 9260', () => {
  expect(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(0x220d);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
});

describe.each([
  ['IPv4', ends('10.96.0.10', '10.244.1.9'), 20],
  ['IPv6', ends('fd00:96::10', 'fd00:244:1::9'), 40],
])('%s', (family, both, header) => {
  test('a SYN-ACK whose checksum is right', () => {
    const bytes = new Uint8Array(64).fill(0xff);
    const packet = bytes.subarray(0, putChallenge(bytes, both, 0x0102_0304));
    expect(packet.length).toBe(header + 20);
    const segment = packet.subarray(header);
    expect(hex(segment.subarray(0, 14))).toBe('00509c4001020304545756515012');
    expect(checksum(packet, family === 'IPv4' ? 12 : 8, packet.length, 6 + 20)).toBe(0);
  });

  test('an ABORT with the tag', () => {
    const bytes = new Uint8Array(64).fill(0xff);
    const packet = bytes.subarray(header, putAbort(bytes, both, 0xdead_beef));
    expect(hex(packet.subarray(0, 8))).toBe('00509c40deadbeef');
    expect(hex(packet.subarray(12))).toBe('06000004');
    const sum = packet.slice(8, 12).reverse();
    packet.fill(0, 8, 12);
    expect(hex(sum)).toBe(crc32c(packet).toString(16).padStart(8, '0'));
  });
});
