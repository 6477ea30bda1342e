import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { giveWay, heapBeside, SMALLEST_PROCESS } from './side-process.ts';

const MEBIBYTE = 2 ** 20;

test.each([
  ['the smallest process', SMALLEST_PROCESS, 48],
  ['a byte less', SMALLEST_PROCESS - 1 / MEBIBYTE, null],
  ['some', 500, 404],
  ['more than it may have', 9000, 1024],
  ['nothing', -30, null],
])('%s is left: the heap', (_, left, heap) => {
  expect(heapBeside(1024, left * MEBIBYTE)).toBe(heap);
});

test('it has less right to the processor than this process, and is the first to be ended for memory', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  try {
    giveWay(pid);
    expect(getPriority(pid)).toBe(10);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('1000');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  giveWay(pid); // it has ended: nothing happens
});
