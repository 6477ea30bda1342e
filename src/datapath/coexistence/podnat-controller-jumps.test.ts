import { expect, test } from 'vitest';
import { parseJumpPositions } from './podnat-controller-jumps.ts';

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
