/** A short fixed series of faults; `make chaos` runs long ones. The program must be built. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from './report.ts';

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
    timeout: 150_000,
  });
  console.info(stdout.trimEnd());
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

test.each(['folder', 'kubernetes'])(
  'faults with a source of the kind %s: nothing is lost, wrong or left over',
  async (source) => {
    const report = await chaos(['--seed', '16', '--faults', '8', '--source', source]);
    expect(report).toMatchObject({ faults: 8, failed: 0 });
    expect(report.dials).toBeGreaterThan(50);
  },
  180_000,
);
