/**
 * npm run bench:history -- --services N -o json
 *
 * What the journal costs a change: rounds with and without it in turns, in one process. And what it takes to make the plan
 * of a past moment. It needs no kernel and no rights; bench/README.md says what is not measured.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { instantAt } from '../src/journal/instant.ts';
import { Journal } from '../src/journal/journal.ts';
import { Recorder } from '../src/journal/recorder.ts';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { present } from '../test/generators/build.ts';
import { node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';

const ROUNDS = 16;
const CHANGES = 1000;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const services = Number(values.services);

const planner = new Planner(node, defaultPlanOptions);
for (let index = 0; index < services; index++) {
  planner.apply([present('Service', serviceFact(index)), present('EndpointSlice', sliceFact(index, 3))]);
}
planner.update();

let clock = Date.parse('2026-01-01T00:00:00Z');
let made = 0;
const folder = mkdtempSync(join(tmpdir(), 'knat-bench-history-'));
try {
  const result = await measure();
  process.stdout.write(`${JSON.stringify(result, null, values.output === 'json' ? undefined : 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure() {
  const recorder = new Recorder(planner, () => ({ at: clock, steady: clock }));
  const parts = {
    folder,
    limit: 256 << 20,
    recorder,
    options: defaultPlanOptions,
    version: 'bench',
    tryLock: () => true,
  };
  const journal = new Journal(parts);
  const beginning = startMeter();
  converge(recorder);
  await journal.write();
  const state = { ...beginning(), bytes: size() };
  const without: number[] = [];
  const within: number[] = [];
  const writing: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const changes = Array.from({ length: CHANGES }, nextChange);
    const isKept = round % 2 === 0;
    const meter = startMeter();
    for (const change of changes) {
      clock += 1000;
      if (isKept) recorder.delivered(change);
      planner.apply(change);
      if (isKept) converge(recorder);
      else planner.update();
    }
    (isKept ? within : without).push((meter().cpuMs * 1000) / CHANGES);
    const before = size();
    const write = startMeter();
    if (isKept) await journal.write();
    else recorder.forget();
    if (!isKept) {
      // The next round begins with a state of its own.
      converge(recorder);
      await journal.write();
      continue;
    }
    writing.push((write().cpuMs * 1000) / CHANGES);
    bytes.push((size() - before) / CHANGES);
  }
  await journal.end({ at: clock, steady: clock });
  const past = startMeter();
  const { position } = await instantAt(folder, { at: clock - 1500 * 1000 });
  return {
    services,
    state,
    microsecondsPerChange: { without: median(without), with: median(within), writing: median(writing) },
    bytesPerChange: median(bytes),
    past: { position, ...past() },
  };
}

function converge(recorder: Recorder): void {
  recorder.converging();
  planner.update();
  recorder.converged();
}

function nextChange(): FactChange[] {
  const index = made++;
  const fact = sliceFact((index * 7919) % services, 3, 1 + Math.floor(index / services));
  const by = { manager: 'kube-controller-manager', at: new Date(clock).toISOString() };
  return [{ kind: 'EndpointSlice', key: `${fact.namespace}/${fact.name}`, fact, by }];
}

function startMeter(): () => { readonly cpuMs: number } {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return { cpuMs: Math.round((user + system) / 10) / 100 };
  };
}

function size(): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function median(numbers: readonly number[]): number {
  return Math.round((numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0) * 10) / 10;
}
