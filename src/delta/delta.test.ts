import fc from 'fast-check';
import { expect, test } from 'vitest';
import { difference } from './delta.ts';

const comparison = {
  identity: (item: readonly [string, number]) => item[0],
  value: (item: readonly [string, number]) => String(item[1]),
};

test('missing elements are added, surplus ones removed, changed ones both', () => {
  const desired: [string, number][] = [
    ['same', 1],
    ['changed', 2],
    ['missing', 3],
  ];
  const actual: [string, number][] = [
    ['extra', 9],
    ['changed', 1],
    ['same', 1],
  ];
  expect(difference(desired, actual, comparison)).toEqual({
    add: [
      ['changed', 2],
      ['missing', 3],
    ],
    remove: [
      ['changed', 1],
      ['extra', 9],
    ],
  });
});

test('applying the difference gives the desired state, and then there is none', () => {
  const state = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 2 }));
  fc.assert(
    fc.property(state, state, (desired, actual) => {
      const { add, remove } = difference(Object.entries(desired), Object.entries(actual), comparison);
      const result = new Map(Object.entries(actual));
      for (const [name] of remove) result.delete(name);
      for (const [name, number] of add) {
        expect(result.has(name)).toBe(false);
        result.set(name, number);
      }
      expect(Object.fromEntries(result)).toEqual(desired);
      expect(difference(Object.entries(desired), result, comparison)).toEqual({ add: [], remove: [] });
    }),
  );
});
