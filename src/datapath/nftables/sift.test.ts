import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Busy, Rejected } from '../../wire/errors.ts';
import { sift } from './sift.ts';

const failure = { subject: 'it', errno: 'EINVAL', extendedAck: null, offset: null };

test('exactly those are refused that are refused alone, and few questions find them', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(1000), { maxLength: 200 }),
      fc.uniqueArray(fc.nat(1000), { maxLength: 5 }),
      (all, bad) => {
        let questions = 0;
        const { accepted, refused } = sift(all, (some) => {
          questions++;
          if (some.some((one) => bad.includes(one))) throw new Rejected(failure);
        });
        expect(accepted).toEqual(all.filter((one) => !bad.includes(one)));
        expect([...refused.keys()]).toEqual(all.filter((one) => bad.includes(one)));
        expect(questions).toBeLessThan(2 + 20 * (1 + refused.size));
      },
    ),
  );
});

test('of two that do not fit together the first stays', () => {
  const { accepted, refused } = sift(['a', 'b', 'c'], (some) => {
    if (some.includes('a') && some.includes('c')) throw new Rejected(failure);
  });
  expect([accepted, [...refused.keys()]]).toEqual([['a', 'b'], ['c']]);
});

test('a refusal that no object caused is thrown, and so is every other error', () => {
  const refusing = () => {
    throw new Rejected(failure);
  };
  expect(() => sift([1], refusing)).toThrow(Rejected);
  const busy = (some: readonly number[]) => {
    if (some.length > 0) throw new Busy(failure);
  };
  expect(() => sift([1], busy)).toThrow(Busy);
});
