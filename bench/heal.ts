/**
 * npm run bench:heal -- --services N --endpoints M -o json
 *
 * Starts the agent in a fresh network namespace, flushes the ruleset again and again with nft, and measures how long it
 * takes until all NAT is back: both tables, all chains, all elements.
 */
import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { runAgent } from '../src/agent/agent-run.ts';
import type { FactChange } from '../src/model/facts.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import type { Source } from '../src/sources/source.ts';
import { Rejected } from '../src/wire/errors.ts';
import { NftablesConnection } from '../src/wire/nftables/connection.ts';
import { serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { measureChains } from './chains-baseline.ts';
import { costEach, round, startMeter } from './cost.ts';

const ROUNDS = 15;
const LIMIT_MS = 30_000;

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '3' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);

if (values.role === 'outside') {
  const args = [
    '-n',
    process.execPath,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    '--role',
    'inside',
  ];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1);
}

const source: Source = {
  name: 'bench',
  run: async (sink, signal) => {
    const facts = Array.from({ length: services }, (_, i): FactChange[] => {
      const service = serviceFact(i);
      const slice = sliceFact(i, endpoints);
      return [
        { kind: 'Service', key: `${service.namespace}/${service.name}`, fact: service },
        { kind: 'EndpointSlice', key: `${slice.namespace}/${slice.name}`, fact: slice },
      ];
    });
    sink.apply(facts.flat());
    sink.synced();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  },
};

const kernel = new NftablesConnection();
const stop = new AbortController();
const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };
const running = runAgent(
  { settings, logger: pino({ level: 'silent' }), version: 'bench', once: false },
  stop.signal,
);
await untilBack();
const times: number[] = [];
const meter = startMeter();
for (let again = 0; again < ROUNDS; again++) {
  spawnSync('nft', ['flush', 'ruleset']);
  const start = performance.now();
  await untilBack(kernel.generation().id);
  times.push(performance.now() - start);
  if (!isBack()) throw new Error('not everything is back');
}
const each = costEach(meter(), ROUNDS);
stop.abort();
await running;
const chains = await measureChains(services, endpoints, AbortSignal.timeout(300_000));
kernel.close();
times.sort((a, b) => a - b);
const result = {
  services,
  endpoints,
  rounds: ROUNDS,
  p50Ms: round(times[Math.floor(ROUNDS / 2)] ?? 0),
  worstMs: round(times.at(-1) ?? 0),
  each,
  baseline: { what: 'nft -f, a chain per Service and per endpoint', ...chains },
};
process.stdout.write(
  values.output === 'json'
    ? `${JSON.stringify(result)}\n`
    : `${Object.entries(result)
        .map(
          ([name, value]) =>
            `${name.padEnd(12)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
        )
        .join('\n')}\n`,
);

/**
 * The agent restores both tables with all elements in one transaction. Until then only the generation is read, since
 * reading more would add to the measured time; the caller counts afterwards.
 */
async function untilBack(after?: number): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (after !== undefined ? kernel.generation().id === after : !isBack()) {
    if (performance.now() > deadline) throw new Error(`not back within ${LIMIT_MS} ms`);
    await turn();
  }
}

function isBack(): boolean {
  try {
    return kernel.elements('ip', 'knat', 'cluster_ips').length === services;
  } catch (error) {
    if (error instanceof Rejected) return false; // no such table yet
    throw error;
  }
}
