import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Malformed } from '../errors.ts';
import type { Message } from '../messages.ts';
import { readAddress } from './address.ts';
import { readLink } from './link.ts';
import { readRoute } from './route.ts';

function message(...payload: readonly number[]): Message {
  const bytes = Uint8Array.from(payload);
  return { type: 0, flags: 0, sequence: 1, portId: 0, bytes, start: 0, end: bytes.length };
}

describe.each([
  ['readLink', readLink],
  ['readAddress', readAddress],
  ['readRoute', readRoute],
])('%s', (_name, read) => {
  test('of random bytes is Malformed or a value', () => {
    // A family that is read, a header of zeros in which some bytes are random, then attributes of random content.
    const attribute = fc
      .tuple(fc.nat(20), fc.uint8Array({ maxLength: 20 }))
      .map(([type, bytes]) => [
        bytes.length + 4,
        0,
        type,
        0,
        ...bytes,
        ...Array((4 - (bytes.length % 4)) % 4).fill(0),
      ]);
    const payload = fc
      .tuple(
        fc.constantFrom(2, 10, 7),
        fc.uint8Array({ maxLength: 16 }),
        fc.array(attribute, { maxLength: 6 }),
      )
      .map(([family, header, attributes]) => [family, ...header, ...attributes.flat()]);
    fc.assert(
      fc.property(payload, (bytes) => {
        try {
          read(message(...bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('without its header is Malformed', () => {
    expect(() => read(message(2, 0, 0))).toThrow(Malformed);
  });
});

describe('readRoute', () => {
  const header = (family: number, length: number) => [family, length, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];

  test('takes a missing destination for the default route', () => {
    expect(readRoute(message(...header(10, 0)))).toMatchObject({
      destination: { address: '::', length: 0 },
      table: 254,
    });
  });

  test('is null for another family', () => {
    expect(readRoute(message(...header(7, 0)))).toBeNull();
  });

  test('is Malformed when the prefix or the destination is not of its family', () => {
    expect(() => readRoute(message(...header(2, 33)))).toThrow(Malformed);
    expect(() => readRoute(message(...header(10, 0), 8, 0, 1, 0, 10, 0, 0, 1))).toThrow(Malformed);
  });

  test('is Malformed when a nexthop is longer than the list', () => {
    expect(() => readRoute(message(...header(2, 0), 12, 0, 9, 0, 16, 0, 0, 0, 1, 0, 0, 0))).toThrow(
      Malformed,
    );
  });
});
