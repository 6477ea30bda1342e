import { expect, test } from 'vitest';
import { portsWithout } from './port.ts';

test.each([
  ['1024-2000', '', '1024-2000'],
  ['1-9,5-20,21-30', '', '1-30'],
  ['30-40,1-9', '', '1-9,30-40'],
  ['1024-65535', '30000-32767,4789-4789', '1024-4788,4790-29999,32768-65535'],
  ['30000-30010', '30000-32767', ''],
  ['10-20', '1-10,20-30', '11-19'],
  ['10-20', '21-30', '10-20'],
  ['', '1-2', ''],
])('%s without %s', (spans, taken, left) => {
  expect(
    portsWithout(read(spans), read(taken))
      .map(({ first, last }) => `${first}-${last}`)
      .join(),
  ).toBe(left);
});

function read(text: string) {
  return text === ''
    ? []
    : text.split(',').map((part) => {
        const [first, last] = part.split('-').map(Number);
        return { first: first ?? 0, last: last ?? 0 };
      });
}
