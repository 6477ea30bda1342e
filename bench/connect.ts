/**
 * npm run bench:connect -- --services 1000 --endpoints 3 -o json
 *
 * New TCP connections a second through nodes (network namespaces) that differ only in their rules: none, connection
 * tracking alone, one NAT rule, knat, kube-proxy's layout. All nodes and classes in turn. bench/README.md says what it does
 * not measure.
 */
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Host } from '../src/lab/host.ts';
import { Lab } from '../src/lab/lab.ts';
import { removeStale } from '../src/lab/removal.ts';
import { type BenchCluster, benchCluster, ENDPOINT_PORT, FEWEST_SERVICES, ip } from './cluster.ts';
import { type Lane, lanesOf, NODES, type NodeName, oneRule } from './connect/lanes.ts';
import { addressesAt, wire } from './connect/wiring.ts';
import { type Cost, round, startMeter } from './cost.ts';
import { kubeProxyLayout } from './kube-proxy-layout.ts';
import { inNamespace, quantile, TRACK } from './nodes.ts';
import { programKnat } from './program-knat.ts';
import { acceptForEver, connectOnce, socketAddress } from './tcp.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '2000' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);
const rounds = Number(values.rounds);
/** With fewer rounds the medians are too uncertain to say whether the target is met. */
const FEWEST_ROUNDS = 200;
if (
  !(
    services >= FEWEST_SERVICES &&
    services <= 100_000 &&
    endpoints > 0 &&
    endpoints <= 100 &&
    rounds >= FEWEST_ROUNDS &&
    rounds <= 100_000
  )
) {
  throw new RangeError(
    `--services ${FEWEST_SERVICES} to 100000, --endpoints 1 to 100, --rounds ${FEWEST_ROUNDS} to 100000`,
  );
}
/** Connections of one lane in one round: a few milliseconds, so that other load slows all lanes equally. */
const AT_ONCE = 32;
/** Rounds before the measured ones: neighbours, caches, compiled code. */
const WARM_UP = 20;
/** Other load only slows a slice down, so the fastest tenth shows the cost of the way itself. */
const UNDISTURBED = 0.9;
/** The least rate through a ClusterIP, in percent of the node that only tracks. */
const TARGET_PERCENT = 95;

if (values.role === 'server') {
  acceptForEver(socketAddress(ip('0.0.0.0'), ENDPOINT_PORT), () => writeSync(1, 'listening\n'));
}

removeStale('knat-bench');
const lab = new Lab('knat-bench');
try {
  report(await measure());
} finally {
  lab.dispose();
}

interface Result {
  readonly node: NodeName;
  readonly class: Lane['class'];
  readonly perSecond: number;
  /** Median over the rounds of the rate in percent of the node that only tracks, in the same round. */
  readonly percent: number;
  /** The fastest tenth in percent of that node's fastest tenth. */
  readonly undisturbedPercent: number;
  /** Processor time of one connection, the mean: of the client, with the forwarding in the nodes. */
  readonly cpuMicroseconds: number;
}

interface Measured {
  readonly results: readonly Result[];
  readonly cost: Cost;
}

async function measure(): Promise<Measured> {
  const [client, server, ...nodes] = await lab.addHosts(['client', 'server', ...NODES]);
  if (client === undefined || server === undefined) throw new Error('the lab made no hosts');
  const cluster = benchCluster('IPv4', services, endpoints);
  await wire(client, server, nodes, cluster);
  for (const [index, name] of NODES.entries()) {
    const node = nodes[index];
    if (node === undefined) throw new Error(`the lab made no ${name}`);
    await program(name, node, { ...cluster, nodeAddress: addressesAt(index).node });
  }
  await listen(server);
  return inNamespace(client, () => compare(lanesOf(cluster)));
}

async function program(name: NodeName, node: Host, cluster: BenchCluster): Promise<void> {
  if (name === 'knat') return programKnat(node, [cluster]);
  const script = {
    untracked: '',
    tracking: TRACK,
    'one-rule': oneRule(cluster),
    'kube-proxy': kubeProxyLayout(cluster),
  }[name];
  await node.run(['nft', '-f', '-'], script);
}

/** All lanes in turn, round after round; each round begins with another lane. */
function compare(lanes: readonly Lane[]): Measured {
  const measured = lanes.map((lane) => ({ lane, rates: [] as number[], cpu: 0 }));
  const tracking = measured.find(({ lane }) => lane.node === 'tracking');
  if (tracking === undefined) throw new Error('no node only tracks');
  for (let i = 0; i < WARM_UP; i++) for (const lane of lanes) rateOf(lane);
  const meter = startMeter();
  for (let turn = 0; turn < rounds; turn++) {
    for (let i = 0; i < measured.length; i++) {
      const each = measured[(i + turn) % measured.length] ?? tracking;
      const before = process.cpuUsage();
      each.rates.push(rateOf(each.lane));
      const { user, system } = process.cpuUsage(before);
      each.cpu += user + system;
    }
  }
  const cost = meter();
  const results = measured.map(({ lane, rates, cpu }) => ({
    node: lane.node,
    class: lane.class,
    perSecond: Math.round(quantile(rates, 0.5)),
    percent: percent(
      quantile(
        rates.map((rate, i) => rate / (tracking.rates[i] ?? Number.NaN)),
        0.5,
      ),
    ),
    undisturbedPercent: percent(quantile(rates, UNDISTURBED) / quantile(tracking.rates, UNDISTURBED)),
    cpuMicroseconds: round(cpu / rounds / AT_ONCE),
  }));
  return { results, cost };
}

/** With one digit, never rounded up: 94.99 has not met a target of 95. */
function percent(share: number): number {
  return Math.floor(share * 1000) / 10;
}

/** Connections a second over one slice. */
function rateOf({ to, through }: Lane): number {
  const start = performance.now();
  for (let i = 0; i < AT_ONCE; i++) connectOnce(to, through);
  return (AT_ONCE / (performance.now() - start)) * 1000;
}

/** Starts the server; the lab ends it. */
async function listen(server: Host): Promise<void> {
  const child = server.spawn(
    [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--role', 'server'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (status) => reject(new Error(`the server ended with status ${status}`)));
  });
}

/** Whether every connection through a ClusterIP is as fast as it should be, for each node that translates. */
function targetOf(results: readonly Result[]) {
  const reached = (node: NodeName) => {
    const through = results.filter((each) => each.node === node && each.class.startsWith('ClusterIP'));
    const least = Math.min(...through.map((each) => each.percent));
    return { percent: least, met: least >= TARGET_PERCENT };
  };
  return {
    percent: TARGET_PERCENT,
    'one-rule': reached('one-rule'),
    knat: reached('knat'),
    'kube-proxy': reached('kube-proxy'),
  };
}

function report({ results, cost }: Measured): void {
  const target = targetOf(results);
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify({ services, endpoints, rounds, results, target, cost })}\n`);
    return;
  }
  const columns = ['per second', 'percent', 'undisturbed', 'cpu µs'];
  const rows = results.map((each) => [
    `${each.node}: ${each.class}`,
    `${each.perSecond}`,
    each.percent.toFixed(1),
    each.undisturbedPercent.toFixed(1),
    each.cpuMicroseconds.toFixed(1),
  ]);
  for (const [name = '', ...cells] of [['connection', ...columns], ...rows]) {
    process.stdout.write(`${name.padEnd(36)}${cells.map((cell) => cell.padStart(13)).join('')}\n`);
  }
  process.stdout.write(`target: a ClusterIP has ${TARGET_PERCENT} % of the node that only tracks\n`);
  for (const node of ['one-rule', 'knat', 'kube-proxy'] as const) {
    const { percent, met } = target[node];
    process.stdout.write(`  ${node}: ${percent.toFixed(1)} %, ${met ? 'met' : 'missed'}\n`);
  }
  process.stdout.write(`cost ${JSON.stringify(cost)}\n`);
}
