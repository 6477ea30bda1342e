/** A short fixed series of faults; `make chaos` runs long ones. The program must be built. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from './report.ts';
import { LIFE } from './schedule.ts';

const run = promisify(execFile);
const PROGRAM = '.tmp/chaos/test/chaos/main.js';
const folder = mkdtempSync(join(tmpdir(), 'knat-test-'));

beforeAll(() => {
  // `make check` has looked at the types.
  execFileSync('npx', ['tsc', '-p', 'test/chaos/tsconfig.json', '--noCheck']);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true }));

/** The report of a run, which must not have failed. */
async function chaos(args: readonly string[]): Promise<Report> {
  const file = join(folder, 'report.json');
  const { stdout } = await run(process.execPath, [PROGRAM, ...args, '--workers', '1', '--report', file], {
    timeout: 270_000,
  });
  console.info(stdout.trimEnd());
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

test('a short series over the end of a life, with a folder and then an API server: nothing is lost, wrong or left over', async () => {
  const first = LIFE - 4;
  const report = await chaos(['--seed', '16', '--from', String(first), '--faults', '8']);
  expect(report).toMatchObject({ faults: 8, failed: 0 });
  expect(report.dials).toBeGreaterThan(50);
}, 300_000);
