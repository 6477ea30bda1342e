import { expect, test } from 'vitest';
import type { HostFacts } from '../host-facts.ts';
import { conntrackCounters } from '../look.ts';
import { conntrackFill } from './conntrack.ts';

const at = (count: number, lost = { insertFailed: 0, dropped: 0 }) =>
  conntrackFill.examine({ conntrack: { count, max: 1000, ...lost } } as HostFacts);

test.each([
  [749, []],
  [750, ['warning']],
  [949, ['warning']],
  [950, ['error']],
  [1000, ['error']],
])('%i of 1000 entries', (count, severities) => {
  const findings = at(count);
  expect(typeof findings === 'string' ? findings : findings.map(({ severity }) => severity)).toEqual(
    severities,
  );
});

test('losses of the past are a note', () => {
  expect(at(1, { insertFailed: 3, dropped: 2 })).toMatchObject([
    {
      severity: 'note',
      message: expect.stringContaining('3 connections could not be added to the table, and 2 packets'),
    },
  ]);
});

test('the counters of all processors are summed up, in hexadecimal', () => {
  const text = `entries  clashres found insert insert_failed drop
00000002  00000000 00000001 00000000 0000000a 00000001
00000002  00000000 00000001 00000000 00000010 00000001
`;
  expect(conntrackCounters(text)).toMatchObject({ insert_failed: 26, drop: 2 });
  expect(conntrackCounters('')).toEqual({});
});
