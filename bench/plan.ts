/**
 * npm run bench:plan -- --services N --endpoints M -o json
 *
 * Measures the plan alone: objects in memory → entries, without a kernel. bench/README.md says what is not measured.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { giveMemoryBack } from '../src/agent/garbage.ts';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { type ChangeCost, costOfEach, residentMiB, startMeter } from './cost.ts';
import { memoryFlags } from './memory-flags.ts';
import { replacedPods, wideService } from './wide-service.ts';

/** Endpoints of the Service that changes. */
const SIZES = [3, 100, 1000];
const CHANGES = 2000;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    endpoints: { type: 'string', default: '3' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const size = { services: Number(values.services), endpoints: Number(values.endpoints) };
if (!(size.services > 0 && size.services <= 500_000 && size.endpoints > 0 && size.endpoints <= 1000)) {
  throw new RangeError('--services 1 to 500000, --endpoints 1 to 1000');
}

if (values.role === 'outside') {
  const args = [
    ...memoryFlags(),
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    '--role',
    'inside',
  ];
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
}
report(await measure());

async function measure(): Promise<Record<string, unknown>> {
  const atStart = process.memoryUsage().heapUsed;
  const planner = new Planner(node, defaultPlanOptions);
  const taking = startMeter();
  for (let index = 0; index < size.services; index++) planner.apply(objectsOf(index));
  const facts = taking();
  await giveMemoryBack();
  const ofFacts = process.memoryUsage().heapUsed;
  const planning = startMeter();
  planner.update();
  const cold = planning();
  await giveMemoryBack();
  const bytesPerService = {
    facts: Math.round((ofFacts - atStart) / size.services),
    plan: Math.round((process.memoryUsage().heapUsed - ofFacts) / size.services),
  };
  const endpointOf: Record<string, { change: ChangeCost; anew: ChangeCost }> = {};
  for (const count of SIZES) endpointOf[count] = await changeOf(planner, count);
  return { ...size, facts, cold, bytesPerService, endpointOf, ...residentMiB() };
}

/** One endpoint is replaced; beside it, the baseline: the same Service planned anew. */
async function changeOf(planner: Planner, count: number): Promise<{ change: ChangeCost; anew: ChangeCost }> {
  const service = wideService(count);
  planner.apply(service);
  planner.update();
  const changes = replacedPods(count, CHANGES);
  const change = await costOfEach(CHANGES, (index) => {
    const { revision } = planner.plan;
    planner.apply(changes[index] ?? []);
    if (planner.update().revision === revision) throw new Error('the change changed nothing');
  });
  const anew = await costOfEach(CHANGES / 10, () => {
    const other = new Planner(node, defaultPlanOptions);
    other.apply(service);
    other.update();
  });
  planner.apply(wideService(0));
  planner.update();
  return { change, anew };
}

function objectsOf(index: number): FactChange[] {
  const service = serviceFact(index);
  const slice = sliceFact(index, size.endpoints);
  return [
    { kind: 'Service', key: [service.namespace, service.name].join('/'), fact: service },
    { kind: 'EndpointSlice', key: [slice.namespace, slice.name].join('/'), fact: slice },
  ];
}

function report(result: Record<string, unknown>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [name, value] of Object.entries(result)) {
    process.stdout.write(`${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
  }
}
