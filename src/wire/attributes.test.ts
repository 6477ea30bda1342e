import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../net/address.ts';
import {
  address,
  be16,
  be32,
  be64,
  binary,
  type Decoded,
  eachAttribute,
  list,
  nest,
  sbe32,
  skipped,
  string,
  u8,
  u32,
} from './attributes.ts';
import { ByteWriter } from './bytes.ts';
import { Malformed } from './errors.ts';

const inner = nest({ count: [1, 'COUNT', be32], name: [2, 'NAME', string] });
const outer = nest({
  byte: [1, 'BYTE', u8],
  port: [2, 'PORT', be16],
  big: [3, 'BIG', be64],
  host: [4, 'HOST', u32],
  signed: [5, 'SIGNED', sbe32],
  text: [6, 'TEXT', string],
  bytes: [7, 'BYTES', binary],
  inner: [8, 'INNER', inner],
  items: [9, 'ITEMS', list(1, inner)],
  address: [10, 'ADDRESS', address],
  pad: [11, 'PAD', skipped],
});
type Outer = Decoded<typeof outer.rows>;

function encode(value: Outer): Uint8Array {
  const writer = new ByteWriter(1);
  outer.write(writer, value);
  return writer.written;
}

const decode = (bytes: Uint8Array) => outer.read(bytes, 0, bytes.length, 'OUTER');

const name = fc.string({ unit: 'grapheme-ascii' });
const innerValue = fc.record({ count: fc.nat(), name }, { requiredKeys: [] });
const value: fc.Arbitrary<Outer> = fc.record(
  {
    byte: fc.nat(255),
    port: fc.nat(65535),
    big: fc.bigInt(0n, 2n ** 64n - 1n),
    host: fc.nat(2 ** 32 - 1),
    signed: fc.integer(),
    text: name,
    bytes: fc.uint8Array(),
    inner: innerValue,
    items: fc.array(innerValue),
    address: fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => parseAddress(text) ?? parse('::')),
    unknown: fc.array(fc.record({ type: fc.integer({ min: 12, max: 0x3fff }), bytes: fc.uint8Array() }), {
      minLength: 1,
    }),
  },
  { requiredKeys: [] },
);

function parse(text: string) {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

describe('a nest', () => {
  test('decodes what it encoded, unknown attributes included', () => {
    fc.assert(
      fc.property(value, (one) => {
        const decoded = decode(encode(one));
        // A list keeps no number, a nest of nothing is still there: compare as they are.
        expect(decoded).toEqual(one);
      }),
    );
  });

  test('writes in the kernel framing, padded to 4 bytes', () => {
    expect([...encode({ text: 'ab', port: 0x1234 })]).toEqual([
      ...[6, 0, 2, 0, 0x12, 0x34, 0, 0],
      ...[7, 0, 6, 0, 0x61, 0x62, 0, 0],
    ]);
    expect([...encode({ inner: { count: 1 } })]).toEqual([12, 0, 8, 0x80, 8, 0, 1, 0, 0, 0, 0, 1]);
  });

  test('does not mind the flag of network byte order, nor a missing pad at the end', () => {
    expect(decode(Uint8Array.of(6, 0, 2, 0x40, 0, 80))).toEqual({ port: 80 });
  });

  test('ignores skipped attributes', () => {
    expect(decode(Uint8Array.of(8, 0, 11, 0, 1, 2, 3, 4))).toEqual({});
  });

  test('copies what it decodes', () => {
    const bytes = encode({ bytes: Uint8Array.of(1, 2, 3) });
    const decoded = decode(bytes);
    bytes.fill(0);
    expect(decoded.bytes).toEqual(Uint8Array.of(1, 2, 3));
  });

  test.each([
    ['a header that is cut off', [4, 0]],
    ['a length shorter than its header', [3, 0, 1, 0]],
    ['a length beyond the end', [9, 0, 1, 0, 0]],
    ['a number of the wrong length', [6, 0, 1, 0, 1, 2, 0, 0]],
    ['a shorter number', [4, 0, 3, 0]],
    ['an address of 5 bytes', [9, 0, 10, 0, 1, 2, 3, 4, 5]],
    ['a fault inside a nest', [8, 0, 8, 0, 9, 0, 1, 0]],
  ])('is Malformed with %s', (_what, bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(Malformed);
  });

  test('of more than 65535 bytes is a RangeError', () => {
    expect(() => encode({ inner: { name: 'x'.repeat(70_000) } })).toThrow(RangeError);
  });
});

test('random bytes decode or are Malformed', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged()), (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }),
    { numRuns: 2000 },
  );
});

test('every attribute is visited once and inside the range', () => {
  fc.assert(
    fc.property(value, (one) => {
      const bytes = encode(one);
      let behind = 0;
      eachAttribute(bytes, 0, bytes.length, 'TEST', (_type, start, end) => {
        expect(start).toBe(behind + 4);
        behind = (end + 3) & ~3;
      });
      expect(behind).toBe(bytes.length);
    }),
  );
});

/** A good encoding with some bytes changed and the end cut off: nearer to the edge than random bytes. */
function damaged(): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(8))
    .map(([one, changes, cut]) => {
      const bytes = encode(one);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, Math.max(0, bytes.length - cut));
    });
}
