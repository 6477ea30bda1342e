import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressFromNumber } from '../../net/address.ts';
import { unionOf } from '../../net/ranges.ts';
import { fromKernel, toKernel } from './range-elements.ts';
import { setsOf } from './sets.ts';

const { pods, allowed_sources } = setsOf('IPv4');

const bytes = (number: bigint) => Uint8Array.from(addressBytes(addressFromNumber('IPv4', number)));
const LAST = (1n << 32n) - 1n;
const bound = fc.oneof(fc.bigInt(0n, 600n), fc.bigInt(LAST - 600n, LAST));
const ranges = fc
  .array(fc.tuple(bound, bound), { maxLength: 5 })
  .map((pairs) =>
    unionOf(
      'IPv4',
      pairs.map(([a, b]) => ({ first: a < b ? a : b, last: a < b ? b : a })),
    ),
  )
  .map((set) => set.ranges.map(({ first, last }) => ({ key: bytes(first), keyEnd: bytes(last) })));

test('ranges come back as they went, whatever the order and with the end that nft puts in front', () => {
  fc.assert(
    fc.property(ranges, fc.boolean(), (wanted, reversed) => {
      const reported = [{ key: bytes(0n), intervalEnd: true }, ...toKernel(pods, wanted)];
      expect(fromKernel(pods, reversed ? reported.reverse() : reported)).toEqual(wanted);
    }),
  );
});

test('every end stands behind its start, and the highest address needs none', () => {
  const all = [
    { key: bytes(255n), keyEnd: bytes(511n) },
    { key: bytes(600n), keyEnd: bytes(LAST) },
  ];
  expect(toKernel(pods, all)).toEqual([
    { key: bytes(255n) },
    { key: bytes(512n), intervalEnd: true },
    { key: bytes(600n) },
  ]);
});

test('sets of concatenations keep their ranges', () => {
  const elements = [{ key: bytes(1n), keyEnd: bytes(2n) }];
  expect(toKernel(allowed_sources, elements)).toBe(elements);
  expect(fromKernel(allowed_sources, elements)).toBe(elements);
});
