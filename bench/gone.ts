/**
 * npm run bench:gone -- --connections 10000 -o json
 *
 * In a fresh network namespace, conntrack has N established connections from 200 pods to one endpoint of a Service, made over
 * ctnetlink. The agent runs there, and its source takes the endpoint away, while other Services change.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { runAgent } from '../src/agent/agent-run.ts';
import type { FactChange } from '../src/model/facts.ts';
import type { IpAddress } from '../src/net/address.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import type { Source, SourceSink } from '../src/sources/source.ts';
import { ConntrackConnection } from '../src/wire/conntrack/connection.ts';
import { conntrackStatus } from '../src/wire/conntrack/entry.ts';
import { ip } from '../test/generators/build.ts';
import { serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { type Cost, round, startMeter } from './cost.ts';
import { Stamps } from './latency/stamps.ts';

const ROUNDS = 5;
const SERVICES = 1_000;
const ENDPOINTS = 3;
const PODS = 200;
/** A level of pino. */
const WARN = 40;
/** Milliseconds between two changes of other Services. */
const CHANGE_EVERY = 5;
/** Milliseconds of a round: the endpoint's grace, the end, and the second telling; and for which it waits for the end at most. */
const ROUND_MS = 2_500;
const PATIENCE = 15_000;
const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const connections = Number(values.connections);

if (values.role === 'outside') {
  const program = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(
    spawnSync('unshare', ['-n', ...program, '--role', 'inside'], { stdio: 'inherit' }).status ?? 1,
  );
}

const far = await behindAnInterface();
const stamps = new Stamps();
const stop = new AbortController();
const { sink, source } = controlled();
let ended = 0;
let endedMeter: () => Cost = startMeter();
let cost: Cost | null = null;
const log = {
  write: (line: string) => {
    const { level, connections: more, msg } = JSON.parse(line) as Record<string, number>;
    if ((level ?? 0) >= WARN) process.stderr.write(`${msg}\n`);
    if (more === undefined) return;
    ended += more;
    if (ended >= connections) cost ??= endedMeter();
  },
};
const settings = { nodeName: 'node-0', nodeConfig: {}, plan: defaultPlanOptions, source };
const running = runAgent(
  { settings, logger: pino({ level: 'info' }, log), version: 'bench', once: false },
  stop.signal,
);
const feed = await sink;
await sleep(1_000);

/** Each with and without connections that end, and with and without changes of other Services. */
const kinds = ['quiet', 'ended', 'changes', 'both'] as const;
type Kind = (typeof kinds)[number];
const costs: Record<Kind, Cost[]> = { quiet: [], ended: [], changes: [], both: [] };
const alone: Cost[] = [];
const delays: Record<Kind, number[]> = { quiet: [], ended: [], changes: [], both: [] };
for (let again = 0; again < kinds.length * ROUNDS; again++) {
  const kind = kinds[again % kinds.length] ?? 'quiet';
  const isEnding = kind === 'ended' || kind === 'both';
  if (isEnding) fill(sliceFact(0, ENDPOINTS, again).endpoints.at(-1)?.address ?? ip('10.128.0.3'));
  ended = 0;
  cost = null;
  stamps.take();
  const whole = startMeter();
  endedMeter = startMeter();
  apply([slice(0, again + 1)]);
  await (kind === 'quiet' || kind === 'ended' ? sleep(ROUND_MS) : changeOthers(again));
  for (let waited = 0; isEnding && ended < connections && waited < PATIENCE; waited += 100) await sleep(100);
  costs[kind].push(whole());
  delays[kind].push(...stamps.take().changes.map(({ read, acknowledged }) => acknowledged - read));
  if (isEnding && ended < connections) throw new Error(`${ended} of ${connections} connections ended`);
  if (kind === 'ended' && cost !== null) alone.push(cost);
}
stop.abort();
await running;
far.kill();
print();

/** Clients and endpoints are in another network namespace, which has none of their addresses: every packet ends there. */
async function behindAnInterface(): Promise<ChildProcess> {
  const child = spawn('unshare', ['-n', 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const own = readlinkSync('/proc/self/ns/net');
  while (readlinkSync(`/proc/${child.pid}/ns/net`) === own) await sleep(10);
  for (const line of [
    'link set lo up',
    `link add pods type veth peer name far netns ${child.pid}`,
    'link set pods arp off up',
    'route add 10.0.0.0/8 dev pods',
  ]) {
    execFileSync('ip', line.split(' '));
  }
  execFileSync('nsenter', [`--net=/proc/${child.pid}/ns/net`, 'ip', 'link', 'set', 'far', 'up']);
  return child;
}

function print(): void {
  const result = {
    connections,
    endedCpuMs: spread(alone.map(({ cpuMs }) => cpuMs)),
    endedSystemMs: spread(alone.map(({ systemMs }) => systemMs)),
    endedMs: spread(alone.map(({ ms }) => ms)),
    allCpuMs: spread(costs.ended.map(({ cpuMs }) => cpuMs)),
    quietCpuMs: spread(costs.quiet.map(({ cpuMs }) => cpuMs)),
    changesMeanwhile: delaysOf(delays.both),
    changesIdle: delaysOf(delays.changes),
  };
  const text = Object.entries(result).map(([name, value]) => `${name.padEnd(17)}${JSON.stringify(value)}\n`);
  process.stdout.write(values.output === 'json' ? `${JSON.stringify(result)}\n` : text.join(''));
}

function spread(all: readonly number[]) {
  return { least: quantile(all, 0), median: quantile(all, 0.5), most: quantile(all, 1) };
}

function delaysOf(all: readonly number[]) {
  return {
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(all, 0.99),
    worstMs: quantile(all, 1),
    changes: all.length,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0);
}

/** Every other Service gets another endpoint, one after the other. */
async function changeOthers(again: number): Promise<void> {
  const end = performance.now() + ROUND_MS;
  for (let i = 0; performance.now() < end; i++) {
    apply([slice(1 + (i % (SERVICES - 1)), 1 + again + Math.floor(i / (SERVICES - 1)))]);
    await sleep(CHANGE_EVERY);
  }
}

function slice(index: number, shift: number): FactChange {
  const fact = sliceFact(index, ENDPOINTS, shift);
  return { kind: 'EndpointSlice', key: `${fact.namespace}/${fact.name}`, fact };
}

function apply(given: readonly FactChange[]): void {
  feed.apply(given);
}

/** Has conntrack track connections from pods to the Service, which the endpoint answers. */
function fill(endpoint: IpAddress): void {
  const conntrack = new ConntrackConnection();
  for (let i = 0; i < connections; i++) {
    const pod = ip(`10.244.0.${1 + (i % PODS)}`);
    const [sport, cluster] = [1024 + Math.floor(i / PODS), ip('10.96.0.1')];
    conntrack.create({
      ...{ family: 'IPv4', protocol: 6, id: 0, timeoutSeconds: 3600, mark: 0, zone: 0, counters: null },
      original: { src: pod, dst: cluster, sport, dport: 80 },
      reply: { src: endpoint, dst: pod, sport: 8080, dport: sport },
      status: conntrackStatus.IPS_SEEN_REPLY | conntrackStatus.IPS_ASSURED,
    });
  }
  conntrack.close();
}

/** A source that has all Services at once, and then gives what it is told. */
function controlled(): { sink: Promise<SourceSink>; source: Source } {
  let given: (sink: SourceSink) => void = () => {};
  const sink = new Promise<SourceSink>((resolve) => {
    given = resolve;
  });
  const source: Source = {
    name: 'bench',
    run: async (to, signal) => {
      const facts = Array.from({ length: SERVICES }, (_, index): FactChange[] => {
        const fact = serviceFact(index);
        return [{ kind: 'Service', key: `${fact.namespace}/${fact.name}`, fact }, slice(index, 0)];
      });
      to.apply(facts.flat());
      to.synced();
      given(to);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
  return { sink, source: stamps.of(source, () => {}) };
}
