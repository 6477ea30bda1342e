import { expect, test } from 'vitest';
import { CliError } from './cli-error.ts';
import { reportError } from './report-error.ts';

test('message, details and what to do; the exit status of the code', () => {
  const error = new CliError('KNAT_CONFIG_INVALID', 'the file cannot be used', [
    'a.yaml:1: x',
    'a.yaml:2: y',
  ]);
  const { text, exit } = reportError(error, false);
  expect(text.split('\n')).toEqual([
    'knat: the file cannot be used (KNAT_CONFIG_INVALID)',
    '  a.yaml:1: x',
    '  a.yaml:2: y',
    expect.stringMatching(/^ {2}Correct the lines that the message names/),
  ]);
  expect(exit).toBe(2);
});

test.each([
  ['KNAT_KERNEL_DENIED', 3],
  ['KNAT_AGENT_RUNNING', 4],
  ['KNAT_FOLDER_MISSING', 2],
  ['KNAT_KERNEL_REJECTED', 70],
  ['ECONNRESET', 70],
])('%s ends with %i', (code, exit) => {
  expect(reportError(Object.assign(new Error('why'), { code }), false).exit).toBe(exit);
});

test('whatever is thrown is reported, as an error of ours when nothing better is known', () => {
  expect(reportError('text', false).text).toMatch(
    /^knat: text \(KNAT_INTERNAL\)\n {2}Run the command again with --log-level debug/,
  );
  expect(reportError(new TypeError('x is undefined'), false).text).not.toContain('report-error.test');
});

test('with debug the stacks of the error and of its causes', () => {
  const error = new Error('outer', { cause: new Error('inner') });
  const { text } = reportError(error, true);
  expect(text).toContain('Error: outer');
  expect(text).toContain('Error: inner');
  expect(text).toContain('report-error.test');
});
