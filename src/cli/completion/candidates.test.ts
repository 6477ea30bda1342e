import { expect, test } from 'vitest';
import type { Context } from '../context.ts';
import { createProgram } from '../program.ts';
import { candidatesFor } from './candidates.ts';

const asked = (...words: string[]) => {
  const program = createProgram({ version: '1' } as Context, words.slice(0, 1));
  const { words: found, files, names } = candidatesFor(program, words);
  return { words: found.map(({ word }) => word), files, names };
};
const none = { words: [], files: false, names: null };

test('commands, and help', () => {
  expect(asked('ex').words).toEqual(['explain']);
  expect(asked('').words).toContain('help');
  expect(asked('help', 'st').words).toEqual(['status']);
  expect(asked('nonsense', '')).toEqual(none);
});

test('options of the command, those that are given already only if they may be repeated', () => {
  expect(asked('explain', '--fro').words).toEqual(['--from']);
  expect(asked('explain', '--from', 'pod/a/b', '--fro').words).toEqual([]);
  expect(asked('explain', '--from=pod/a/b', '--fro').words).toEqual([]);
  expect(asked('what-if', '--delete', 'Pod/a/b', '--del').words).toEqual(['--delete']);
  expect(asked('agent', '--no-req').words).toEqual(['--no-require-ready']);
});

test.each([
  [
    ['explain', '--log-level', ''],
    ['debug', 'info', 'warn', 'error'],
  ],
  [['explain', '--log-level=w'], ['--log-level=warn']],
  [['what-if', '-o', 'm'], ['markdown']],
  [['explain', '--proto', 's'], ['sctp']],
  [['agent', '--source', 'd'], ['dir:']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
])('values: %j', (words, found) => {
  expect(asked(...words)).toEqual({ ...none, words: found });
});

test('places and nodes are asked of the agent, files are left to the shell', () => {
  expect(asked('explain', '--from', 'pod/')).toEqual({ ...none, names: 'place' });
  expect(asked('trace', '--to=svc/shop/')).toEqual({ ...none, names: 'place' });
  expect(asked('agent', '--node', 'w')).toEqual({ ...none, names: 'node' });
  expect(asked('verify', 'exp')).toEqual({ ...none, files: true });
  expect(asked('explain', '--flows', '')).toEqual({ ...none, files: true });
});
