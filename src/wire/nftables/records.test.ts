import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter, hex } from '../bytes.ts';
import { Malformed } from '../errors.ts';
import { elementListAttributes, readElementList, type SetElement } from './element.ts';
import { ElementRecords, readRecords } from './records.ts';

const KEY = 8;
const VALUE = 4;

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const plain = fc.record({ key: bytes(KEY), data: bytes(VALUE) });
const unlike = fc.oneof(
  fc.record({ key: bytes(KEY), data: bytes(8) }),
  fc.record({ key: bytes(KEY) }),
  fc.record({ key: bytes(4), data: bytes(VALUE) }),
  fc.record({ key: bytes(KEY), keyEnd: bytes(KEY), data: bytes(VALUE) }),
  fc.record({ key: bytes(KEY), data: bytes(VALUE), intervalEnd: fc.constant(true) }),
  fc.record({ key: bytes(KEY), verdict: fc.constant({ code: -4, chain: 'c' }) }),
);

/** The payload of a message with these elements. */
function listOf(elements: readonly SetElement[]): Uint8Array {
  const writer = new ByteWriter();
  elementListAttributes.write(writer, {
    table: 'knat',
    set: 'm',
    elements: elements.map(({ key, keyEnd, data, verdict, intervalEnd }) => ({
      key: { value: key },
      ...(data === undefined ? {} : { data: { value: data } }),
      ...(verdict === undefined ? {} : { data: { verdict: { code: -4, chain: 'c' } } }),
      ...(keyEnd === undefined ? {} : { keyEnd: { value: keyEnd } }),
      ...(intervalEnd === undefined ? {} : { flags: 1 }),
    })),
  });
  return writer.written;
}

test('records are the elements of the list', () => {
  const some = fc.uniqueArray(plain, { selector: ({ key }) => hex(key), maxLength: 200 });
  fc.assert(
    fc.property(some, (elements) => {
      const list = listOf(elements);
      const records = new ElementRecords(KEY, VALUE);
      expect(readRecords(list, 0, list.length, records)).toBe('all');
      const objects: SetElement[] = [];
      readElementList(list, 0, list.length, objects);
      expect(records.count).toBe(objects.length);
      for (const [index, { key, data = key }] of objects.entries()) {
        expect(records.find(key, 0)).toBe(index);
        expect(records.keyOf(index)).toEqual(key);
        expect(records.valueOf(index)).toEqual(data);
        expect(records.hasValue(index, data, 0)).toBe(true);
        expect(records.hasValue(index, Uint8Array.of(...data.slice(0, 3), (data[3] ?? 0) ^ 1), 0)).toBe(
          false,
        );
      }
    }),
  );
});

test('other elements, and repeated ones, are told', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(plain, { selector: ({ key }) => hex(key), minLength: 1 }),
      unlike,
      (elements, other) => {
        const mixed = listOf([...elements, other]);
        expect(readRecords(mixed, 0, mixed.length, new ElementRecords(KEY, VALUE))).toBe('other');
        const twice = listOf([...elements, ...elements.slice(-1)]);
        expect(readRecords(twice, 0, twice.length, new ElementRecords(KEY, VALUE))).toBe('repeated');
      },
    ),
  );
});

test('a key that is not there is not found', () => {
  const records = new ElementRecords(KEY, 0);
  expect(records.find(new Uint8Array(KEY), 0)).toBe(-1);
  expect(records.add(new Uint8Array(KEY), 0, 0)).toBe(true);
  expect(records.add(new Uint8Array(KEY), 0, 0)).toBe(false);
  expect(records.find(new Uint8Array(KEY).fill(1), 0)).toBe(-1);
});

test('random bytes are read or are Malformed', () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 3 }), fc.nat(), fc.nat(255), (elements, at, byte) => {
      const list = listOf(elements);
      list[at % list.length] = byte;
      try {
        readRecords(list, 0, list.length, new ElementRecords(KEY, VALUE));
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }),
  );
});
