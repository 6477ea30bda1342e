import { expect, test } from 'vitest';
import { jumpPosition, parseJumpPositions } from './podnat-controller-jumps.ts';

test.each([
  [0, 0, 1],
  [0, 5, 1],
  [1, 0, 1],
  [-2, 0, 1],
  [1, 5, 1],
  [3, 5, 3],
  [5, 5, 5],
  [6, 5, 5],
  [-1, 5, 5],
  [-2, 5, 4],
  [-5, 5, 1],
  [-6, 5, 5],
  [-2, 1, 1],
  [-1, 1, 1],
])('%d among %d rules is place %d', (asked, count, place) => {
  expect(jumpPosition(asked, count)).toBe(place);
});

test.each([
  ['-2,-2,-2', [-2, -2, -2]],
  ['1:0:+3', [1, 0, 3]],
  ['1,2', null],
  ['1,2,3,4', null],
  ['1,2,x', null],
  ['1,,3', null],
  ['40000,1,1', null],
  ['-32768,32767,1', [-32768, 32767, 1]],
])('%s', (text, positions) => {
  expect(parseJumpPositions(text)).toEqual(positions);
});
