/**
 * `make chaos`: faults by a seeded schedule against an agent of a node in network namespaces, with traffic all the time. Prints each fault
 * that failed with the command that repeats it, then a report. Exit status 1 when any failed, or an agent leaks descriptors. Needs root.
 */
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Child } from './child.ts';
import { cpuSeconds } from './cpu.ts';
import { formatReport, isLeaking, reportOf } from './report.ts';
import type { FaultResult, LifeResult } from './results.ts';
import { LIFE } from './schedule.ts';
import type { SeriesOptions } from './series.ts';
import type { WorkerAnswer } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const PROGRESS_EVERY = 100;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    faults: { type: 'string', default: '200' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
    workers: { type: 'string', default: '2' },
    kinds: { type: 'string' },
    source: { type: 'string' },
    report: { type: 'string' },
  },
});
const seed = Number(values.seed);
const from = Number(values.only ?? values.from);
const count = values.only === undefined ? Number(values.faults) : 1;
if (![seed, from, count].every(Number.isInteger))
  throw new TypeError('seed, faults, from and only are whole numbers');
if (values.source !== undefined && values.source !== 'folder' && values.source !== 'kubernetes') {
  throw new TypeError('source is folder or kubernetes');
}
const options: SeriesOptions = {
  seed,
  only: values.kinds?.split(',') ?? null,
  source: values.source ?? null,
};

const lives = livesOf(from, count);
const faults: FaultResult[] = [];
const lived: LifeResult[] = [];
let wasBroken = false;
const start = performance.now();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    console.log(`ended by ${name}; so far:\n${formatReport(reportNow())}`);
    process.exit(130); // the workers end with it, and remove their worlds
  });
}
await Promise.all(Array.from({ length: Math.min(Number(values.workers), lives.length) }, work));
const report = reportNow();
console.log(formatReport(report));
if (values.report !== undefined) writeFileSync(values.report, `${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.failed > 0 || wasBroken || isLeaking(report) ? 1 : 0;

function reportNow() {
  return reportOf(seed, (performance.now() - start) / 1000, cpuSeconds(), faults, lived);
}

/** The indices of the faults of each life. */
function livesOf(first: number, total: number): number[][] {
  const all: number[][] = [];
  for (let index = first; index < first + total; index++) {
    const isNew = all.length === 0 || index % LIFE === 0;
    if (isNew) all.push([]);
    all.at(-1)?.push(index);
  }
  return all;
}

async function work(): Promise<void> {
  let worker: Child<{ indices: readonly number[] }> | null = null;
  for (let indices = lives.shift(); indices !== undefined; indices = lives.shift()) {
    worker ??= startWorker();
    try {
      const life = (await worker.ask({ indices })) as LifeResult;
      lived.push(life);
      for (const fault of life.faults) if (fault.kind === 'after it') take(fault);
    } catch (error) {
      wasBroken = true;
      const why = error instanceof Error ? error.message : String(error);
      console.log(`the world of faults ${indices[0]} to ${indices.at(-1)} broke: ${why}`);
      await end(worker);
      worker = null;
    }
  }
  if (worker !== null) await end(worker);
}

function startWorker(): Child<{ indices: readonly number[] }> {
  const child = fork(WORKER, [JSON.stringify(options)]);
  child.on('message', (answer: WorkerAnswer) => {
    if ('fault' in answer) take(answer.fault);
  });
  return new Child('worker', child);
}

/** Waits until the worker has removed its world. */
async function end({ process: child }: Child<object>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  await gone;
}

function take(fault: FaultResult): void {
  faults.push(fault);
  if (fault.problems.length > 0) {
    console.log(`fault ${fault.index}: ${fault.kind} (${fault.source}; ${fault.note})`);
    for (const problem of fault.problems) console.log(`  ${problem.replaceAll('\n', '\n    ')}`);
    console.log(`  again: make chaos SEED=${seed} ONLY=${fault.index}`);
    console.log(
      `  with the faults before it: make chaos SEED=${seed} FROM=${fault.index - (fault.index % LIFE)} FAULTS=${(fault.index % LIFE) + 1}`,
    );
  }
  if (faults.length % PROGRESS_EVERY === 0) {
    const failed = faults.filter(({ problems }) => problems.length > 0).length;
    console.log(
      `${faults.length} faults, ${failed} failed, ${((performance.now() - start) / 1000).toFixed(0)} s`,
    );
  }
}
