import { expect, test } from 'vitest';
import { runProgram } from './program.ts';

const { signal } = new AbortController();

test('a program that a signal ended is told by the signal', async () => {
  const words = ['sh', '-c', 'kill -SEGV $$'];
  await expect(runProgram(words, '', signal)).rejects.toThrow(/^sh -c kill -SEGV \$\$ was ended by SIGSEGV$/);
});

test('one that failed is told by its status and its words', async () => {
  const words = ['sh', '-c', 'echo no >&2; exit 4'];
  await expect(runProgram(words, '', signal)).rejects.toThrow(/ failed \(4\): no$/);
});

test('one that is not installed gives nothing', async () => {
  expect(await runProgram(['no-such-program-of-knat'], '', signal)).toBeNull();
});
