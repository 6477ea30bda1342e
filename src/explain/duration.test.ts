import { expect, test } from 'vitest';
import { durationText } from './duration.ts';

test.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [59.9, '59 seconds'],
  [60, '1 minute'],
  [61, '1 minute 1 second'],
  [3_600, '1 hour'],
  [3_605, '1 hour'],
  [86_399, '23 hours 59 minutes'],
  [431_990, '4 days 23 hours'],
  [432_000, '5 days'],
])('%d: %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
