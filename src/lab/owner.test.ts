import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isAlive, thisProcess } from './owner.ts';

test('this process is alive', () => {
  expect(thisProcess().pid).toBe(process.pid);
  expect(isAlive(thisProcess())).toBe(true);
});

test('a process with the same number that started at another time is not the owner', () => {
  const { pid, startTicks } = thisProcess();
  expect(isAlive({ pid, startTicks: startTicks - 1 })).toBe(false);
});

test('a process that ended is not alive', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(isAlive({ ...thisProcess(), pid: child.pid ?? 0 })).toBe(false);
});

test('a zombie is not alive', async () => {
  // The shell starts a child, and before that ends becomes a program that never asks how it ended.
  const shell = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 5'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [text] = await once(shell.stdout, 'data');
    const pid = Number(text);
    await expect
      .poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2], { timeout: 3000 })
      .toBe('Z');
    const startTicks = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21]);
    expect(isAlive({ pid, startTicks })).toBe(false);
  } finally {
    shell.kill();
  }
});
