import { expect, test } from 'vitest';
import { stateOf } from './status.ts';

const findings = { conflicts: 0, notices: 0, problems: 0 };
const well = { failure: null, synced: true, source: 'kubernetes', findings };
const failure = { message: 'no memory', since: '2026-01-01T00:00:00Z' };

test.each([
  ['all is well', well, { level: 'good', text: 'in force' }],
  [
    'findings',
    { ...well, findings: { ...findings, notices: 2 } },
    { level: 'warning', text: 'in force, 2 open' },
  ],
  ['the source is being read', { ...well, synced: false }, { level: 'warning', text: 'reading' }],
  ['the kernel is behind', { ...well, synced: false, failure }, { level: 'bad', why: 'no memory' }],
])('%s', (_, account, expected) => {
  expect(stateOf(account)).toMatchObject(expected);
});
