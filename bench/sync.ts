/**
 * npm run bench:sync -- --services N --endpoints M -o json
 *
 * Measures the agent's path from objects in memory to the kernel's acknowledgement, in a fresh network namespace,
 * beside `nft -f` of a ruleset with a chain per Service and per endpoint. bench/README.md says what is not measured.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { giveMemoryBack } from '../src/agent/garbage.ts';
import { NftablesDatapath } from '../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { NftablesConnection } from '../src/wire/nftables/connection.ts';
import { type ClusterSize, node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { measureChains } from './chains-baseline.ts';
import { type ChangeCost, type Cost, costOfEach, residentMiB, round, startMeter } from './cost.ts';
import { memoryFlags } from './memory-flags.ts';
import { replacedPods, rolledPods, wideService } from './wide-service.ts';

const CHANGES = 1000;
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
    ...memoryFlags(),
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

  const atRest = residentMiB().nowMiB;
  netlinkMs = 0;
  const meter = startMeter();
  planner.apply(facts);
  await datapath.converge(planner.update(), signal);
  const cold = { ...meter(), netlinkMs: round(netlinkMs), peakMiB: residentMiB().peakMiB };
  await giveMemoryBack(); // as the agent does after a large converge
  const afterMiB = residentMiB().nowMiB;

  const endpointChange = await repeat((i) => {
    const index = (i * 7919) % size.services;
    return sliceChange(sliceFact(index, size.endpoints, 1 + Math.floor(i / size.services)));
  });
  const endpointGone = await repeat((i) => {
    const index = (i * 104_729) % size.services;
    return sliceChange(sliceFact(index, Math.max(size.endpoints - 1, 0), 1));
  });
  const serviceAdd = await repeat((i) => [
    ...serviceChange(size.services + i),
    ...sliceChange(sliceFact(size.services + i, size.endpoints)),
  ]);
  const endpointOf: Record<number, ChangeCost> = {};
  for (const count of [100, 1000]) {
    planner.apply(wideService(count));
    await datapath.converge(planner.update(), signal);
    const changes = replacedPods(count, CHANGES / 2);
    endpointOf[count] = await repeat((i) => changes[i] ?? [], changes.length);
  }
  const rolling = await roll(1000);
  const { nowMiB: rssMiB } = residentMiB();

  // The changes above are undone first, so that a restarted agent finds nothing to write.
  for (let i = 0; i < CHANGES; i++) {
    const key = `namespace-${(size.services + i) % 100}`;
    planner.apply([
      { kind: 'Service', key: `${key}/service-${size.services + i}`, fact: null },
      { kind: 'EndpointSlice', key: `${key}/service-${size.services + i}-abcde`, fact: null },
    ]);
  }
  planner.apply(wideService(0));
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
    cold: { atRestMiB: atRest, ...cold, afterMiB },
    endpointChange,
    endpointGone,
    serviceAdd,
    endpointOf100: endpointOf[100],
    endpointOf1000: endpointOf[1000],
    rolling,
    restart,
    rssMiB,
    baseline: { what: 'nft -f, a chain per Service and per endpoint', ...chains },
  };

  async function repeat(changeOf: (i: number) => FactChange[], count = CHANGES): Promise<ChangeCost> {
    const changes = Array.from({ length: count }, (_, i) => changeOf(i));
    return await costOfEach(count, async (i) => {
      planner.apply(changes[i] ?? []);
      const done = await datapath.converge(planner.update(), signal);
      if (done.elementsAdded + done.elementsDeleted === 0) throw new Error('the change wrote nothing');
    });
  }

  /** Every pod of a Service is replaced, one at a time: the new one is there, it is ready, the old one is gone. */
  async function roll(pods: number): Promise<Cost & { readonly pods: number; readonly events: number }> {
    planner.apply(wideService(pods));
    await datapath.converge(planner.update(), signal);
    const changes = [...rolledPods(pods)];
    const meter = startMeter();
    for (const change of changes) {
      planner.apply(change);
      await datapath.converge(planner.update(), signal);
    }
    return { pods, events: changes.length, ...meter() };
  }
}

interface Restart extends Cost {
  readonly elementsWritten: number;
  readonly peakMiB: number;
}

async function measureRestart(): Promise<Restart> {
  const facts = allFacts();
  const meter = startMeter();
  const datapath = NftablesDatapath.open();
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(facts);
  const { elementsAdded, elementsDeleted } = await datapath.converge(planner.update(), signal);
  const cost = meter();
  datapath.close();
  return { elementsWritten: elementsAdded + elementsDeleted, ...cost, peakMiB: residentMiB().peakMiB };
}

function restartInNewProcess(): Restart {
  const args = [
    ...memoryFlags(),
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    '--role',
    'restart',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the restarted process failed: ${stderr}`);
  return JSON.parse(stdout) as Restart;
}

function allFacts(): FactChange[] {
  return Array.from({ length: size.services }, (_, i) => [
    ...serviceChange(i),
    ...sliceChange(sliceFact(i, size.endpoints)),
  ]).flat();
}

function serviceChange(index: number): FactChange[] {
  const fact = serviceFact(index);
  return [{ kind: 'Service', key: `${fact.namespace}/${fact.name}`, fact }];
}

function sliceChange(fact: ReturnType<typeof sliceFact>): FactChange[] {
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

function report(result: Awaited<ReturnType<typeof measure>>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(result)) {
    process.stdout.write(`${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
  }
}
