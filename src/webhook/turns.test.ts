import { setImmediate as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('sources are served in turn: who brings much waits for himself', async () => {
  const turns = new Turns({ perSource: 10, total: 100 });
  const done: string[] = [];
  for (let index = 0; index < 4; index++) turns.take('greedy', () => done.push(`greedy ${index}`));
  turns.take('modest', () => done.push('modest'));
  while (turns.waiting > 0) await tick();
  await tick();
  expect(done).toEqual(['greedy 0', 'modest', 'greedy 1', 'greedy 2', 'greedy 3']);
});

test('what is too much is not taken, for one source and for all', async () => {
  const turns = new Turns({ perSource: 2, total: 3 });
  const taken = ['a', 'a', 'a', 'b', 'c'].map((source) => turns.take(source, () => {}));
  expect(taken).toEqual([true, true, false, true, false]);
  while (turns.waiting > 0) await tick();
  expect(turns.take('a', () => {})).toBe(true);
});
