import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstReached, grouped } from './collect.ts';

test('groups keep the order of their first items, and of the items in them', () => {
  const groups = grouped(['b1', 'a1', 'b2', 'a2'], ([letter]) => letter);
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1', 'a2']],
  ]);
});

test('the first reached is the one that a walk from the start finds', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.nat(21), (numbers, wanted) => {
      const sorted = [...numbers].sort((a, b) => a - b);
      const found = sorted.findIndex((number) => number >= wanted);
      expect(firstReached(sorted, (number) => number >= wanted)).toBe(found < 0 ? sorted.length : found);
    }),
  );
});
