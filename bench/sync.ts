/**
 * npm run bench:sync -- --services N --endpoints M -o json
 *
 * Measures the agent's path from objects in memory to the kernel's acknowledgement, in a fresh network namespace,
 * beside `nft -f` of a ruleset with a chain per Service and per endpoint. bench/README.md says what is not measured.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { collectGarbage } from '../src/agent/garbage.ts';
import { NftablesDatapath } from '../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { NftablesConnection } from '../src/wire/nftables/connection.ts';
import { type ClusterSize, node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { measureChains } from './chains-baseline.ts';

const CHANGES = 300;
/** As bin/knat starts Node.js. */
const NODE_FLAGS = ['--max-semi-space-size=2'];
const signal = AbortSignal.timeout(300_000);
let netlinkMs = 0;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    endpoints: { type: 'string', default: '3' },
    output: { type: 'string', short: 'o', default: 'text' },
    baseline: { type: 'string', default: '1000' },
    role: { type: 'string', default: 'outside' },
  },
});
const size: ClusterSize = { services: Number(values.services), endpoints: Number(values.endpoints) };
if (!(size.services > 0 && size.services <= 500_000 && size.endpoints > 0 && size.endpoints <= 1000)) {
  throw new RangeError('--services 1 to 500000, --endpoints 1 to 1000');
}

if (values.role === 'outside') runInFreshNamespace();
else if (values.role === 'restart') process.stdout.write(JSON.stringify(await measureRestart()));
else report(await measure());

function runInFreshNamespace(): void {
  const args = [
    '-n',
    process.execPath,
    ...NODE_FLAGS,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    '--role',
    'inside',
  ];
  const { status } = spawnSync('unshare', args, { stdio: 'inherit' });
  process.exit(status ?? 1);
}

async function measure() {
  timeCommits();
  const datapath = NftablesDatapath.open();
  const planner = new Planner(node, defaultPlanOptions);
  const facts = allFacts();
  await datapath.converge(planner.update(), signal); // the skeleton alone

  netlinkMs = 0;
  const start = performance.now();
  planner.apply(facts);
  await datapath.converge(planner.update(), signal);
  const coldMs = performance.now() - start;
  const coldNetlinkMs = netlinkMs;
  collectGarbage(); // as the agent does after a large converge

  const endpointChange = await repeat((i) => {
    const index = (i * 7919) % size.services;
    return sliceChange(index, sliceFact(index, size.endpoints, 1 + Math.floor(i / size.services)));
  });
  const endpointGone = await repeat((i) => {
    const index = (i * 104_729) % size.services;
    return sliceChange(index, sliceFact(index, Math.max(size.endpoints - 1, 0)));
  });
  const serviceAdd = await repeat((i) => [
    ...serviceChange(size.services + i),
    ...sliceChange(size.services + i, sliceFact(size.services + i, size.endpoints)),
  ]);
  const rssMiB = residentMiB();

  // The changes above are undone first, so that a restarted agent finds nothing to write.
  for (let i = 0; i < CHANGES; i++) {
    const key = `namespace-${(size.services + i) % 100}`;
    planner.apply([
      { kind: 'Service', key: `${key}/service-${size.services + i}`, fact: null },
      { kind: 'EndpointSlice', key: `${key}/service-${size.services + i}-abcde`, fact: null },
    ]);
  }
  planner.apply(facts);
  await datapath.converge(planner.update(), signal);
  datapath.close();
  const restart = restartInNewProcess();
  const chains = await measureChains(
    Math.min(size.services, Number(values.baseline)),
    size.endpoints,
    signal,
  );
  return {
    ...size,
    coldMs: round(coldMs),
    netlinkMs: round(coldNetlinkMs),
    endpointChange,
    endpointGone,
    serviceAdd,
    restart,
    rssMiB,
    baseline: { what: 'nft -f, a chain per Service and per endpoint', ...chains },
  };

  async function repeat(changeOf: (i: number) => FactChange[]): Promise<{ p50Ms: number; p99Ms: number }> {
    const times: number[] = [];
    for (let i = 0; i < CHANGES; i++) {
      const change = changeOf(i);
      const begin = performance.now();
      planner.apply(change);
      const done = await datapath.converge(planner.update(), signal);
      times.push(performance.now() - begin);
      if (done.elementsAdded + done.elementsDeleted === 0) throw new Error('the change wrote nothing');
    }
    times.sort((a, b) => a - b);
    const at = (share: number) =>
      round(times[Math.min(Math.floor(times.length * share), times.length - 1)] ?? 0);
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

async function measureRestart(): Promise<{ elementsWritten: number; readyMs: number }> {
  const facts = allFacts();
  const start = performance.now();
  const datapath = NftablesDatapath.open();
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(facts);
  const { elementsAdded, elementsDeleted } = await datapath.converge(planner.update(), signal);
  const readyMs = round(performance.now() - start);
  datapath.close();
  return { elementsWritten: elementsAdded + elementsDeleted, readyMs };
}

function restartInNewProcess(): { elementsWritten: number; readyMs: number } {
  const args = [...NODE_FLAGS, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--role', 'restart'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the restarted process failed: ${stderr}`);
  return JSON.parse(stdout) as { elementsWritten: number; readyMs: number };
}

function allFacts(): FactChange[] {
  return Array.from({ length: size.services }, (_, i) => [
    ...serviceChange(i),
    ...sliceChange(i, sliceFact(i, size.endpoints)),
  ]).flat();
}

function serviceChange(index: number): FactChange[] {
  const fact = serviceFact(index);
  return [{ kind: 'Service', key: `${fact.namespace}/${fact.name}`, fact }];
}

function sliceChange(_index: number, fact: ReturnType<typeof sliceFact>): FactChange[] {
  return [{ kind: 'EndpointSlice', key: `${fact.namespace}/${fact.name}`, fact }];
}

/** Adds up the time inside the kernel's transactions. */
function timeCommits(): void {
  const commit = NftablesConnection.prototype.commit;
  NftablesConnection.prototype.commit = function (...args) {
    const start = performance.now();
    try {
      commit.apply(this, args);
    } finally {
      netlinkMs += performance.now() - start;
    }
  };
}

function residentMiB(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function report(result: Awaited<ReturnType<typeof measure>>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(result)) {
    process.stdout.write(`${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
  }
}
