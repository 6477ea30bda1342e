import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { costBetween, costEach, costOfChildren, costOfProcess, residentMiB, startMeter } from './cost.ts';

test('allocated bytes are counted, also those that are collected meanwhile', () => {
  const kept: Uint8Array[] = [];
  const meter = startMeter();
  let objects: unknown[] = [];
  for (let i = 0; i < 1_000_000; i++) {
    if (i % 1000 === 0) objects = [];
    objects.push({ first: i, second: i }); // five words: 40 bytes
  }
  for (let i = 0; i < 64; i++) kept.push(new Uint8Array(1 << 20));
  const { allocatedKiB, cpuMs } = meter();
  const expected = (1_000_000 * 40) / 1024 + kept.length * 1024;
  expect(allocatedKiB).toBeGreaterThan(expected * 0.9);
  // What is beyond is the growth of the arrays, and the test runner in the meantime.
  expect(allocatedKiB).toBeLessThan(expected * 2);
  expect(cpuMs).toBeGreaterThan(0);
  expect(objects).toHaveLength(1000);
});

test('touched memory is page faults and resident memory', () => {
  const meter = startMeter();
  const pages = new Uint8Array(32 << 20);
  pages.fill(1);
  const { pageFaults } = meter();
  // With huge pages one fault brings 2 MiB.
  expect(pageFaults).toBeGreaterThanOrEqual(16);
  expect(residentMiB().nowMiB).toBeGreaterThan(32);
  expect(residentMiB(process.pid).peakMiB).toBeGreaterThanOrEqual(residentMiB().nowMiB - 1);
  expect(pages).toHaveLength(32 << 20);
});

test('a child that has ended is counted for its parent, a running process for itself', () => {
  const before = costOfChildren();
  const busy = 'const until = process.cpuUsage().user + 60_000; while (process.cpuUsage().user < until);';
  execFileSync(process.execPath, ['--eval', busy]);
  const child = costBetween(before, costOfChildren());
  expect(child.cpuMs).toBeGreaterThanOrEqual(50);
  expect(child.pageFaults).toBeGreaterThan(100);
  const own = costOfProcess(process.pid);
  const { user, system } = process.cpuUsage();
  expect(own.cpuMs).toBeGreaterThan(0);
  expect(own.cpuMs).toBeLessThanOrEqual((user + system) / 1000 + 20);
});

test('the mean of repetitions', () => {
  const cost = { ms: 10, cpuMs: 4, systemMs: 2, allocatedKiB: 1, pageFaults: 3 };
  expect(costEach(cost, 4)).toEqual({
    ms: 2.5,
    cpuMs: 1,
    systemMs: 0.5,
    allocatedKiB: 0.25,
    pageFaults: 0.75,
  });
});
