import { expect, test } from 'vitest';
import { BodyShares, SMALL_BODY } from './body-shares.ts';

const LIMIT = 100 * SMALL_BODY;

/** A body of this many small ones. */
function body(shares: BodyShares, source: string, size: number): boolean {
  return shares.take(source, size * SMALL_BODY, size * SMALL_BODY);
}

test('a source with more than its share is refused, and no other one', () => {
  const shares = new BodyShares(LIMIT);
  expect(body(shares, 'a', 100)).toBe(true);
  expect(body(shares, 'a', 2)).toBe(false);
  expect(body(shares, 'b', 50)).toBe(true);
  expect(body(shares, 'b', 2)).toBe(false);
  shares.giveBack('a', 102 * SMALL_BODY);
  expect(body(shares, 'b', 48)).toBe(true);
});

test('all large bodies together take at most twice the limit, and small ones are taken nevertheless', () => {
  const shares = new BodyShares(LIMIT);
  const taken = Array.from({ length: 200 }, (_, index) => body(shares, `source ${index}`, 2));
  expect(taken.filter(Boolean)).toHaveLength(50);
  expect(shares.take('source 0', 1, SMALL_BODY + 1)).toBe(false);
  expect(shares.take('source 0', 1, SMALL_BODY)).toBe(true);
});
