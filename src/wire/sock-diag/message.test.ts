import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes, parseIpv4, parseIpv6 } from '../../net/address.ts';
import { ByteWriter, host32 } from '../bytes.ts';
import { Malformed } from '../errors.ts';
import type { Message } from '../messages.ts';
import { readSocket, writeDumpRequest } from './message.ts';

function message(payload: Uint8Array): Message {
  return { type: 20, flags: 0, sequence: 1, portId: 0, bytes: payload, start: 0, end: payload.length };
}

/** `struct inet_diag_msg` of a socket that is bound there, with the attribute where it is given. */
function answer(family: 2 | 10, address: string, port: number, onlyIpv6?: number): Message {
  const bytes = new Uint8Array(72 + (onlyIpv6 === undefined ? 0 : 8));
  bytes[0] = family;
  bytes[4] = port >> 8;
  bytes[5] = port & 0xff;
  const bound = family === 2 ? parseIpv4(address) : parseIpv6(address);
  if (bound === null) throw new TypeError(address);
  bytes.set(addressBytes(bound), 8);
  bytes.set(new Uint8Array(Uint32Array.of(7).buffer), 44);
  if (onlyIpv6 !== undefined) {
    bytes.set(new Uint8Array(Uint16Array.of(5, 11).buffer), 72);
    bytes[76] = onlyIpv6;
  }
  return message(bytes);
}

describe('readSocket', () => {
  test.each([
    ['an IPv4 wildcard', answer(2, '0.0.0.0', 22), { address: null, families: ['IPv4'] }],
    ['an IPv4 address', answer(2, '192.0.2.1', 22), { address: '192.0.2.1', families: ['IPv4'] }],
    ['an IPv6 wildcard for both', answer(10, '::', 22, 0), { address: null, families: ['IPv4', 'IPv6'] }],
    ['an IPv6 wildcard for IPv6', answer(10, '::', 22, 1), { address: null, families: ['IPv6'] }],
    ['an IPv6 address', answer(10, 'fd00::1', 22, 0), { address: 'fd00::1', families: ['IPv6'] }],
    [
      'an IPv4 address of an IPv6 socket',
      answer(10, '::ffff:192.0.2.1', 22, 0),
      { address: '192.0.2.1', families: ['IPv4'] },
    ],
  ])('%s', (_, given, expected) => {
    expect(readSocket(given, 'TCP')).toEqual({ protocol: 'TCP', port: 22, cookie: 7n, ...expected });
  });

  test('is null for a socket without a port and for another family', () => {
    expect(readSocket(answer(2, '0.0.0.0', 0), 'UDP')).toBeNull();
    const unix = answer(2, '0.0.0.0', 22);
    unix.bytes[0] = 1;
    expect(readSocket(unix, 'TCP')).toBeNull();
  });

  test('of random bytes is Malformed, null or a socket', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(
          fc.constantFrom(2, 10),
          fc.uint8Array({ minLength: 71, maxLength: 71 }),
          fc.uint8Array({ maxLength: 24 }),
        )
        .map(([family, rest, tail]) => Uint8Array.from([family, ...rest, ...tail])),
    );
    fc.assert(
      fc.property(bytes, (payload) => {
        try {
          readSocket(message(payload), 'TCP');
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('the request names family, protocol and states', () => {
  const writer = new ByteWriter();
  writeDumpRequest(writer, 'IPv6', 'UDP');
  expect([...writer.written.subarray(0, 4)]).toEqual([10, 17, 0, 0]);
  expect(writer.written.length).toBe(56);
  expect(host32(writer.written, 4)).toBe(1 << 7);
});
