import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('doubles up to the limit and starts again after a reset', () => {
  const backoff = new Backoff(100, 1000, () => 1);
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('a thousand failures make no infinite wait', () => {
  const backoff = new Backoff(100, 1000, () => 0);
  for (let count = 0; count < 2000; count++) backoff.next();
  expect(backoff.next()).toBe(500);
});

test('jitter is downwards to the half, and upwards from what the server asks for', () => {
  expect(new Backoff(100, 1000, () => 0).next()).toBe(50);
  expect(new Backoff(100, 1000, () => 0).next(3000)).toBe(3000);
  expect(new Backoff(100, 1000, () => 0.5).next(3000)).toBe(3375);
});

test('a server that asks for years is asked again within minutes', () => {
  const backoff = new Backoff(100, 1000, () => 0);
  expect(backoff.next(365 * 24 * 3_600_000)).toBe(300_000);
});
