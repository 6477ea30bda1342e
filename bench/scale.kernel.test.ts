/** The smallest case of bench:scale, as a person runs it, so that the benchmark keeps working. The program must be built. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, expect, test, vi } from 'vitest';
import { CASES, caseNamed } from './scale/cases.ts';
import type { CaseResult } from './scale/results.ts';

const run = promisify(execFile);
const PROGRAM = '.tmp/bench/bench/scale.js';

beforeAll(() => {
  execFileSync('npx', ['tsc', '-p', 'bench/tsconfig.json']);
}, 240_000);

test('a small cluster is built, programmed, changed and checked, and nothing is left of it', async () => {
  const { stdout } = await run(process.execPath, [PROGRAM, '--case', 'small', '-o', 'json'], {
    timeout: 150_000,
  });
  const [result] = JSON.parse(stdout) as CaseResult[];
  expect(result).toMatchObject({ name: 'small', services: 200, endpoints: 2400, egressPods: 100 });
  const { cold, changes, checked, baseline } = result as CaseResult;
  for (const value of [cold.ms, cold.cpuMs, cold.peakMiB, cold.allocatedKiB, cold.pageFaults]) {
    expect(value).toBeGreaterThan(0);
  }
  expect(changes).toMatchObject({ events: 60 });
  expect(changes?.latencyMs.p50).toBeGreaterThan(0);
  expect(changes?.cores.p50).toBeGreaterThan(0);
  expect(changes?.cost.allocatedKiB).toBeGreaterThan(0);
  // At least each endpoint and each pod is an element; 60 Services and 60 pods are checked besides those that changed.
  expect(checked.elements).toBeGreaterThan(2400 + 100);
  expect(checked.translations).toBeGreaterThanOrEqual(120);
  expect(baseline).toMatchObject({ services: 200 });
}, 180_000);

test('a kernel that is not right is an error', async () => {
  const wrong = run(process.execPath, [PROGRAM, '--case', 'small-wrong', '-o', 'json'], { timeout: 150_000 });
  await expect(wrong).rejects.toMatchObject({
    stdout: '[]\n',
    stderr: expect.stringContaining('the kernel has 2400 endpoints, not 2401'),
  });
}, 180_000);

test('an interrupted run leaves no namespace', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--case', 'small'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const owned = `knat-bench-${child.pid?.toString(36)}-`;
  const namespaces = () => readdirSync('/run/netns').filter((name) => name.startsWith(owned));
  try {
    await vi.waitFor(() => expect(namespaces().length).toBeGreaterThan(0), 60_000);
  } finally {
    child.kill('SIGINT');
  }
  expect(await ended).toEqual([null, 'SIGINT']);
  expect(namespaces()).toEqual([]);
}, 90_000);

test('an unknown case is refused', async () => {
  await expect(run(process.execPath, [PROGRAM, '--case', 'nothing'])).rejects.toThrow(/services-44125/);
  expect(caseNamed('nothing')).toBeNull();
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});
