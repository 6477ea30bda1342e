import { expect, test } from 'vitest';
import { keptTimeout } from './affinity.ts';

const all = Array.from({ length: 86_400 }, (_, i) => i + 1);

test('all timeouts that the API takes have 302 chains', () => {
  expect(new Set(all.map(keptTimeout)).size).toBe(302);
});

test('a client is remembered for the time asked for, and at most a sixth longer', () => {
  for (const seconds of all) {
    expect(keptTimeout(seconds)).toBeGreaterThanOrEqual(seconds);
    expect(keptTimeout(seconds)).toBeLessThan(seconds * (1 + 1 / 6));
  }
});

test.each([1, 7, 60, 90, 300, 600, 1800, 3600, 7200, 10_800, 43_200, 86_400])(
  '%i seconds are kept as they are',
  (seconds) => {
    expect(keptTimeout(seconds)).toBe(seconds);
  },
);
