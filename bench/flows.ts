/**
 * npm run bench:flows -- --flows N -o json
 *
 * Fills the connection tracking of a fresh network namespace with N masqueraded flows of 200 pods, over ctnetlink; no
 * packet is sent. An agent runs there; another process lists them, as `knat flows` does.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { runAgent } from '../src/agent/agent-run.ts';
import { directFlows } from '../src/agent/direct-flows.ts';
import { printFlows } from '../src/cli/commands/flows-print.ts';
import type { Context } from '../src/cli/context.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { Terminal } from '../src/cli/terminal.ts';
import type { FactChange } from '../src/model/facts.ts';
import type { IpAddress } from '../src/net/address.ts';
import { parsePrefix } from '../src/net/prefix.ts';
import { agentPieces, askAgent } from '../src/observe/client.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import type { Source } from '../src/sources/source.ts';
import { visitEveryFlow } from '../src/wire/conntrack/table.ts';
import { ip } from '../test/generators/build.ts';
import { fillConntrack } from '../test/netns/fill-conntrack.ts';
import { type Cost, residentMiB, startMeter } from './cost.ts';

const PODS = 200;
const ROUNDS = 5;

const anyPod = {
  namespace: 'shop',
  uid: '',
  createdAt: 0,
  nodeName: 'node-0',
  hostNetwork: false,
  finished: false,
  terminating: false,
  ready: true,
  labels: {},
  hostPorts: [],
  nat: null,
};
const cidr = parsePrefix('10.244.0.0/16');
if (typeof cidr === 'string') throw new TypeError(cidr);
const pool = { name: 'pods', cidr, natOutgoing: true, disabled: false, loadBalancerOnly: false };
const pods = Array.from({ length: PODS }, (_, index): FactChange => {
  const name = `web-${index}`;
  return { kind: 'Pod', key: `shop/${name}`, fact: { ...anyPod, name, ips: [podAddress(index)] } };
});
const source: Source = {
  name: 'bench',
  run: async (sink, signal) => {
    sink.apply([{ kind: 'IPPool', key: pool.name, fact: pool }, ...pods]);
    sink.synced();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  },
};

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '200000' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const count = Number(values.flows);
const program = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--role'];

if (values.role === 'outside') {
  const args = ['-n', process.execPath, ...program, 'inside'];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1);
} else if (values.role === 'inside') await measure();
else process.stdout.write(JSON.stringify(await read(values.role === 'json' ? 'json' : 'table')));

async function measure(): Promise<void> {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const stop = new AbortController();
  const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };
  const logger = pino({ level: 'silent' });
  const running = runAgent({ settings, logger, version: 'bench', once: false }, stop.signal);
  while (((await status()).programmed ?? null) === null) await new Promise((go) => setTimeout(go, 20));
  const fillMs = fill();
  const dump: Cost[] = [];
  const lines: Cost[] = [];
  const results: Record<'json' | 'table', Listing[]> = { json: [], table: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const dumping = startMeter();
    await visitEveryFlow(() => {});
    dump.push(dumping());
    const writing = startMeter();
    for await (const _ of directFlows({}, Date.now()));
    lines.push(writing());
    for (const form of ['json', 'table'] as const) {
      const agent = startMeter();
      const result = await readElsewhere(form);
      results[form].push({ ...result, agent: agent() });
    }
  }
  global.gc?.();
  const before = process.memoryUsage().rss;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await readElsewhere('json');
  delay.disable();
  const ports = await askAgent('/flows/ports');
  const result = {
    flows: count,
    fillMs: Math.round(fillMs),
    dump: middle(dump),
    lines: middle(lines),
    jsonReader: middle(results.json.map(({ reader }) => reader)),
    jsonAgent: middle(results.json.map(({ agent }) => agent)),
    tableReader: middle(results.table.map(({ reader }) => reader)),
    tableAgent: middle(results.table.map(({ agent }) => agent)),
    listed: results.json[0]?.listed,
    jsonMiB: Math.round((results.json[0]?.bytes ?? 0) / 2 ** 20),
    agentLongestTurnMs: Math.round(delay.max / 1e6),
    agentGrowthMiB: Math.round((process.memoryUsage().rss - before) / 2 ** 20),
    readerRssMiB: results.table.at(-1)?.rssMiB,
    portLookMs: ports?.milliseconds,
  };
  stop.abort();
  await running;
  process.stdout.write(
    values.output === 'json'
      ? `${JSON.stringify(result)}\n`
      : Object.entries(result)
          .map(
            ([name, value]) =>
              `${name.padEnd(20)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`,
          )
          .join(''),
  );
}

interface ReadResult {
  /** Of this process, while it read. */
  readonly reader: Cost;
  readonly listed: number;
  readonly bytes: number;
  readonly rssMiB: number;
}

interface Listing extends ReadResult {
  /** Of the agent's process, in the same time. */
  readonly agent: Cost;
}

/** Prints the listing as the command does; the output is discarded. */
async function read(form: 'json' | 'table'): Promise<ReadResult> {
  let bytes = 0;
  let notes = '';
  const output = new Writable({
    write: (chunk: Buffer, _, done) => {
      bytes += chunk.length;
      done();
    },
  });
  const errors = new Writable({
    write: (chunk: Buffer, _, done) => {
      notes += chunk.toString();
      done();
    },
  });
  const terminal = new Terminal(output, errors);
  const readInput = async () => '';
  const context: Context = {
    ...{ version: 'bench', terminal, defaultNode: 'node-0', readInput, exit: EXIT.ok, debug: false },
  };
  const meter = startMeter();
  await printFlows(agentPieces('/flows'), { output: form }, context);
  const reader = meter();
  return {
    reader,
    listed: Number.parseInt(notes, 10) || count,
    bytes,
    rssMiB: residentMiB().nowMiB,
  };
}

async function readElsewhere(form: 'json' | 'table'): Promise<ReadResult> {
  const child = spawn(process.execPath, [...program, form], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  return JSON.parse(text) as ReadResult;
}

/** Makes the flows; returns the milliseconds that it took. */
function fill(): number {
  const start = performance.now();
  const pods = Array.from({ length: PODS }, (_, index) => podAddress(index));
  fillConntrack({ count, pods, masqueradedAs: ip('127.0.0.1') });
  return performance.now() - start;
}

async function status(): Promise<{ programmed?: unknown }> {
  try {
    return await askAgent('/status');
  } catch {
    return {}; // not yet
  }
}

function podAddress(index: number): IpAddress {
  return ip(`10.244.0.${index + 1}`);
}

/** The one with the median of clock time. */
function middle(costs: readonly Cost[]): Cost | undefined {
  return [...costs].sort((a, b) => a.ms - b.ms)[Math.floor(costs.length / 2)];
}
