import { expect, test } from 'vitest';
import { runProgram } from './program.ts';

const { signal } = new AbortController();

test('the error of a program that a signal ended names the signal', async () => {
  const words = ['sh', '-c', 'kill -SEGV $$'];
  await expect(runProgram(words, '', signal)).rejects.toThrow(/^sh -c kill -SEGV \$\$ was ended by SIGSEGV$/);
});

test('the error of one that failed has its status and its output', async () => {
  const words = ['sh', '-c', 'echo no >&2; exit 4'];
  await expect(runProgram(words, '', signal)).rejects.toThrow(/ failed \(4\): no$/);
});

test('one that is not installed gives nothing', async () => {
  expect(await runProgram(['no-such-program-of-knat'], '', signal)).toBeNull();
});
