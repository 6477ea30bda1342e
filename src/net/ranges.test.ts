import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cidr } from '../../test/generators/build.ts';
import { addressFromNumber } from './address.ts';
import { addressBits, FAMILIES } from './family.ts';
import { prefixRange } from './prefix.ts';
import {
  type AddressRange,
  type AddressSet,
  changedRanges,
  complementOf,
  differenceOf,
  formatRange,
  intersectionOf,
  setContains,
  unionOf,
} from './ranges.ts';

/**
 * The model: the 16 lowest and the 16 highest addresses of the family, each in or out. Ranges lie in one of the two
 * windows or span from the one into the other, so that both ends of the address space are covered.
 */
const WINDOW = 16n;

const family = fc.constantFrom(...FAMILIES);

function lastOf(of: AddressSet['family']): bigint {
  return (1n << BigInt(addressBits[of])) - 1n;
}

function windows(of: AddressSet['family']): bigint[] {
  const offsets = Array.from({ length: Number(WINDOW) }, (_, index) => BigInt(index));
  return [...offsets, ...offsets.map((offset) => lastOf(of) - offset)];
}

const rangesOf = (of: AddressSet['family']): fc.Arbitrary<AddressRange[]> =>
  fc.array(
    fc
      .tuple(fc.constantFrom(...windows(of)), fc.constantFrom(...windows(of)))
      .map(([a, b]) => (a < b ? { first: a, last: b } : { first: b, last: a })),
    { maxLength: 6 },
  );

const setAndRanges = family.chain((of) =>
  rangesOf(of).map((ranges) => ({ of, ranges, set: unionOf(of, ranges) })),
);

function inSome(ranges: readonly AddressRange[], number: bigint): boolean {
  return ranges.some(({ first, last }) => first <= number && number <= last);
}

/** Sorted, and at least one address between neighbours. */
function expectCanonical({ family: of, ranges }: AddressSet): void {
  for (const [index, range] of ranges.entries()) {
    expect(range.first).toBeLessThanOrEqual(range.last);
    expect(range.last).toBeLessThanOrEqual(lastOf(of));
    const next = ranges[index + 1];
    if (next !== undefined) expect(next.first).toBeGreaterThan(range.last + 1n);
  }
}

describe('against the model', () => {
  test('a union holds what one of its ranges holds, in canonical form', () => {
    fc.assert(
      fc.property(setAndRanges, ({ of, ranges, set }) => {
        expectCanonical(set);
        for (const number of windows(of)) {
          expect(setContains(set, addressFromNumber(of, number))).toBe(inSome(ranges, number));
        }
      }),
    );
  });

  test('a complement holds the others, and its complement is the set again', () => {
    fc.assert(
      fc.property(setAndRanges, ({ of, ranges, set }) => {
        const complement = complementOf(set);
        expectCanonical(complement);
        for (const number of windows(of)) {
          expect(setContains(complement, addressFromNumber(of, number))).toBe(!inSome(ranges, number));
        }
        expect(complementOf(complement)).toEqual(set);
      }),
    );
  });

  test('the order of the ranges does not matter', () => {
    fc.assert(
      fc.property(setAndRanges, ({ of, ranges, set }) => {
        expect(unionOf(of, [...ranges].reverse())).toEqual(set);
        expect(unionOf(of, [...ranges, ...set.ranges])).toEqual(set);
      }),
    );
  });
});

test('intersection, difference and changes', () => {
  const two = family.chain((of) => fc.record({ of: fc.constant(of), a: rangesOf(of), b: rangesOf(of) }));
  fc.assert(
    fc.property(two, ({ of, a, b }) => {
      const left = unionOf(of, a);
      const right = unionOf(of, b);
      const both = intersectionOf(left, right);
      const rest = differenceOf(left, right);
      expectCanonical(both);
      expectCanonical(rest);
      for (const number of windows(of)) {
        const address = addressFromNumber(of, number);
        expect(setContains(both, address)).toBe(inSome(a, number) && inSome(b, number));
        expect(setContains(rest, address)).toBe(inSome(a, number) && !inSome(b, number));
      }
      const { gone, come } = changedRanges(left, right);
      const kept = left.ranges.filter((range) => !gone.includes(range));
      expect(unionOf(of, [...kept, ...come])).toEqual(right);
      const names = (ranges: readonly AddressRange[]) => ranges.map(({ first, last }) => `${first}-${last}`);
      expect(names(come).filter((name) => names(left.ranges).includes(name))).toEqual([]);
    }),
  );
});

test('no set holds an address of the other family', () => {
  const all = complementOf(unionOf('IPv6', []));
  expect(setContains(all, addressFromNumber('IPv4', 1n))).toBe(false);
  expect(setContains(complementOf(unionOf('IPv4', [])), addressFromNumber('IPv6', 1n))).toBe(false);
});

test('a union does not change the ranges that it was given', () => {
  const ranges = [prefixRange(cidr('10.0.0.0/24')), prefixRange(cidr('10.0.1.0/24'))];
  const before = structuredClone(ranges);
  unionOf('IPv4', ranges);
  expect(ranges).toEqual(before);
});

test.each([
  [0n, 0n, '0.0.0.0'],
  [0n, 0xffffffffn, '0.0.0.0/0'],
  [0x0a000000n, 0x0affffffn, '10.0.0.0/8'],
  [0x0a000001n, 0x0a000002n, '10.0.0.1-10.0.0.2'],
  [0x0a000000n, 0x0a000002n, '10.0.0.0-10.0.0.2'],
  [0x0a000002n, 0x0a000003n, '10.0.0.2/31'],
])('%i to %i reads %s', (first, last, text) => {
  expect(formatRange('IPv4', { first, last })).toBe(text);
});
