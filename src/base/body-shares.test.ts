import { expect, test } from 'vitest';
import { BodyShares } from './body-shares.ts';

test('a source with more than its share is refused, and no other one', () => {
  const shares = new BodyShares(100);
  expect(shares.take('a', 100)).toBe(true);
  expect(shares.take('a', 1)).toBe(false);
  expect(shares.take('b', 50)).toBe(true);
  expect(shares.take('b', 1)).toBe(false);
  shares.giveBack('a', 101);
  expect(shares.take('b', 49)).toBe(true);
});

test('all together take at most twice the limit', () => {
  const shares = new BodyShares(100);
  const taken = Array.from({ length: 1000 }, (_, index) => shares.take(`source ${index}`, 1));
  expect(taken.filter(Boolean)).toHaveLength(100);
  expect(shares.take('another', 0)).toBe(false);
});
