import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../bytes.ts';
import { Malformed } from '../errors.ts';
import {
  allDistinct,
  elementAttributes,
  readElements,
  type SetElement,
  type Verdict,
  writeElement,
} from './element.ts';

const register = (minLength: number) => fc.uint8Array({ minLength, maxLength: 64 });
const chain = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_/.-]{0,60}$/);
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({ code: fc.constantFrom('goto' as const, 'jump' as const), chain }),
  fc.record({
    code: fc.constantFrom('drop' as const, 'accept' as const, 'return' as const, 'continue' as const),
  }),
  fc.record({ code: fc.constantFrom(0x10003, -2) }),
);
const element: fc.Arbitrary<SetElement> = fc
  .tuple(
    fc.record(
      {
        key: register(0),
        keyEnd: register(1),
        intervalEnd: fc.constant(true),
        timeoutMs: fc.nat(2 ** 40),
        comment: fc.string({ maxLength: 60, unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      },
      { requiredKeys: ['key'] },
    ),
    fc.oneof(fc.constant({}), fc.record({ data: register(1) }), fc.record({ verdict })),
  )
  .map(([one, data]) => ({ ...one, ...data }));

function write(elements: readonly SetElement[]): Uint8Array {
  const writer = new ByteWriter(1);
  for (const one of elements) writeElement(writer, one);
  return writer.written;
}

function read(bytes: Uint8Array): SetElement[] {
  const elements: SetElement[] = [];
  readElements(bytes, 0, bytes.length, elements);
  return elements;
}

describe('elements', () => {
  test('are read as they were written', () => {
    const some = fc.array(element, { maxLength: 5 });
    fc.assert(
      fc.property(some, (elements) => {
        expect(read(write(elements))).toEqual(elements);
      }),
    );
  });

  test('are written into used memory as into fresh memory', () => {
    fc.assert(
      fc.property(element, (one) => {
        const writer = new ByteWriter(4096);
        writer.bytes.fill(0xaa);
        writeElement(writer, one);
        expect(writer.written).toEqual(write([one]));
      }),
    );
  });

  test('agree with the table of their attributes', () => {
    fc.assert(
      fc.property(element, (one) => {
        const bytes = write([one]);
        const found = elementAttributes.read(bytes, 4, bytes.length, 'element');
        expect(found.unknown).toBeUndefined();
        expect(found.key?.value ?? new Uint8Array(0)).toEqual(one.key);
        expect(found.keyEnd?.value).toEqual(one.keyEnd);
        expect(found.data?.value).toEqual(one.data);
        expect(found.data?.verdict?.chain).toEqual(one.verdict?.chain);
        expect(found.timeout).toEqual(one.timeoutMs === undefined ? undefined : BigInt(one.timeoutMs));
        expect(found.flags ?? 0).toBe((one.intervalEnd ? 1 : 0) | (one.key.length === 0 ? 2 : 0));
        const again = new ByteWriter();
        elementAttributes.write(again, found);
        expect(elementAttributes.read(again.written, 0, again.length, 'again')).toEqual(found);
      }),
    );
  });

  test('of random or damaged bytes are Malformed or read', () => {
    const damaged = fc
      .tuple(
        fc.array(element, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        fc.nat(8),
      )
      .map(([elements, changes, cut]) => {
        const bytes = write(elements).slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, bytes.length - Math.min(cut, bytes.length));
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('with a comment of more than 254 bytes are a RangeError', () => {
    expect(() => write([{ key: Uint8Array.of(1), comment: 'x'.repeat(254) }])).not.toThrow();
    expect(() => write([{ key: Uint8Array.of(1), comment: 'ü'.repeat(128) }])).toThrow(RangeError);
  });

  test('are distinct by key, key end and end of interval', () => {
    const key = Uint8Array.of(1, 2);
    const other = Uint8Array.of(1, 3);
    expect(allDistinct([])).toBe(true);
    expect(allDistinct([{ key }, { key: other }, { key, intervalEnd: true }])).toBe(true);
    expect(
      allDistinct([
        { key, keyEnd: key },
        { key, keyEnd: other },
      ]),
    ).toBe(true);
    expect(allDistinct([{ key }, { key: other }, { key: key.slice(), data: other }])).toBe(false);
    expect(
      allDistinct([
        { key, keyEnd: other },
        { key, keyEnd: other },
      ]),
    ).toBe(false);
  });

  test('keep what they do not share with the datagram', () => {
    const bytes = write([{ key: Uint8Array.of(1, 2, 3, 4), data: Uint8Array.of(5, 6, 7, 8) }]);
    const [one] = read(bytes);
    bytes.fill(0);
    expect(one).toEqual({ key: Uint8Array.of(1, 2, 3, 4), data: Uint8Array.of(5, 6, 7, 8) });
  });
});
