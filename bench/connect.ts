/**
 * npm run bench:connect -- --services 30000 --endpoints 3 -o json
 *
 * New TCP connections a second from one pod to another over their node: straight, and through a ClusterIP, with one
 * Service programmed and with many. bench/README.md says what it does not measure.
 */
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NftablesDatapath } from '../src/datapath/nftables/nftables-datapath.ts';
import { forwarderSettings } from '../src/lab/cabling.ts';
import type { Host } from '../src/lab/host.ts';
import { Lab } from '../src/lab/lab.ts';
import { removeStale } from '../src/lab/removal.ts';
import type { FactChange } from '../src/model/facts.ts';
import type { IpAddress } from '../src/net/address.ts';
import { defaultPlanOptions } from '../src/plan/options.ts';
import { Planner } from '../src/plan/planner.ts';
import { ip } from '../test/generators/build.ts';
import { node, serviceFact, sliceFact } from '../test/generators/large-cluster.ts';
import { enterNamespace } from '../test/netns/namespace.ts';
import { round, startMeter } from './cost.ts';
import { inNamespace, quantile, TRACK } from './nodes.ts';
import { acceptForEver, connectOnce, type SocketAddress, socketAddress } from './tcp.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '30000' },
    endpoints: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '600' },
    output: { type: 'string', short: 'o', default: 'text' },
    role: { type: 'string', default: 'outside' },
  },
});
const many = Number(values.services);
const endpoints = Number(values.endpoints);
const rounds = Number(values.rounds);
if (!(many > 0 && many <= 500_000 && endpoints > 0 && endpoints <= 1000 && rounds > 0 && rounds <= 100_000)) {
  throw new RangeError('--services 1 to 500000, --endpoints 1 to 1000, --rounds 1 to 100000');
}
/** Connections of one way in one round: a few milliseconds, so that other load slows all ways equally. */
const AT_ONCE = 32;
const PORT = 8080;
/** Other load only slows a slice down, so the fastest tenth shows the cost of the way itself. */
const UNDISTURBED = 0.9;

/**
 * The dialling pod has one address at each node. The other pod has the endpoints of the first Service, and behind each
 * node one more address for straight connections: on an endpoint's address they would collide with translated ones.
 */
const CLIENT = { knat: '10.128.0.200', plain: '10.129.255.200' };
const STRAIGHT = { knat: '10.128.0.150', plain: '10.129.255.150' };
/** Closed connections are forgotten after a second, so that their ports are free again. */
const TRACKING = { 'net.netfilter.nf_conntrack_tcp_timeout_close': 1 };

if (values.role === 'server') {
  acceptForEver(socketAddress(ip('0.0.0.0'), PORT), () => writeSync(1, 'listening\n'));
}

removeStale('knat-bench');
const lab = new Lab('knat-bench');
try {
  report(await measure());
} finally {
  lab.dispose();
}

async function measure() {
  const [client, knat, plain, server] = await lab.addHosts(['client', 'knat', 'plain', 'server']);
  if (!client || !knat || !plain || !server) throw new Error('four hosts were asked for');
  const pods = sliceFact(0, endpoints).endpoints.map(({ address }) => address);
  await wire(client, server, { knat, plain }, pods);
  await listen(server);
  const leaveKnat = enterNamespace(knat.namespace);
  const datapath = NftablesDatapath.open();
  leaveKnat();
  const planner = new Planner(node, defaultPlanOptions);
  const results = [];
  for (const services of [1, many]) {
    planner.apply(Array.from({ length: services }, (_, index) => factsOf(index)).flat());
    const leave = enterNamespace(knat.namespace);
    await datapath.converge(planner.update(), AbortSignal.timeout(300_000));
    leave();
    results.push({ services, ...inNamespace(client, compare) });
  }
  datapath.close();
  return { endpoints, rounds, results };
}

/** All ways in turn, round after round, the first one another each time. */
function compare() {
  const [clusterIP] = serviceFact(0).clusterIPs;
  if (clusterIP === undefined) throw new Error('the first Service has no ClusterIP');
  const ways = {
    clusterIP: socketAddress(clusterIP, 80),
    straight: socketAddress(ip(STRAIGHT.knat), PORT),
    plainNode: socketAddress(ip(STRAIGHT.plain), PORT),
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    (typeof names)[number],
    number[]
  >;
  for (const name of names) for (let i = 0; i < 20; i++) rateOf(ways[name]); // caches, neighbours, compiled code
  const cpu = Object.fromEntries(names.map((name) => [name, 0])) as Record<(typeof names)[number], number>;
  const meter = startMeter();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] ?? 'straight';
      const before = process.cpuUsage();
      rates[name].push(rateOf(ways[name]));
      const { user, system } = process.cpuUsage(before);
      cpu[name] += user + system;
    }
  }
  const cost = meter();
  const each = (name: (typeof names)[number]) => round(cpu[name] / rounds / AT_ONCE);
  return {
    clusterIPPerSecond: Math.round(quantile(rates.clusterIP, 0.5)),
    straightPerSecond: Math.round(quantile(rates.straight, 0.5)),
    plainNodePerSecond: Math.round(quantile(rates.plainNode, 0.5)),
    ratioPercent: percent(rates.clusterIP, rates.straight, 0.5),
    ratioPlainNodePercent: percent(rates.clusterIP, rates.plainNode, 0.5),
    undisturbedRatioPercent: percent(rates.clusterIP, rates.straight, UNDISTURBED),
    undisturbedRatioPlainNodePercent: percent(rates.clusterIP, rates.plainNode, UNDISTURBED),
    cpuMicroseconds: {
      clusterIP: each('clusterIP'),
      straight: each('straight'),
      plainNode: each('plainNode'),
    },
    cost,
  };
}

function percent(part: readonly number[], whole: readonly number[], at: number): number {
  return Math.round((quantile(part, at) / quantile(whole, at)) * 1000) / 10;
}

/** Connections a second over one slice. */
function rateOf(to: SocketAddress): number {
  const start = performance.now();
  for (let i = 0; i < AT_ONCE; i++) connectOnce(to);
  return (AT_ONCE / (performance.now() - start)) * 1000;
}

/** Two nodes between the pods: one with knat, one that only tracks connections. */
async function wire(
  client: Host,
  server: Host,
  nodes: { readonly knat: Host; readonly plain: Host },
  pods: readonly IpAddress[],
): Promise<void> {
  const behind = { knat: [...pods, STRAIGHT.knat], plain: [STRAIGHT.plain] };
  for (const name of ['knat', 'plain'] as const) {
    const here = nodes[name];
    await here.sysctl(forwarderSettings);
    await here.ip(
      [client, server].flatMap((far) => [
        `link add ${far.name} type veth peer name ${name} netns ${far.namespace}`,
        `link set ${far.name} addrgenmode none up`,
        `address add fe80::1/64 dev ${far.name} nodad`,
      ]),
    );
    const near = [`link set ${name} addrgenmode none up`, `address add fe80::2/64 dev ${name} nodad`];
    const via = `via inet6 fe80::1 dev ${name}`;
    await client.ip([...near, `address add ${CLIENT[name]}/32 dev ${name}`]);
    await server.ip([
      ...near,
      ...behind[name].map((address) => `address add ${address}/32 dev ${name}`),
      `route add ${CLIENT[name]} ${via}`,
    ]);
    await client.ip(behind[name].map((address) => `route add ${address} ${via} src ${CLIENT[name]}`));
    await here.ip([
      `route add ${CLIENT[name]} via inet6 fe80::2 dev client`,
      ...behind[name].map((address) => `route add ${address} via inet6 fe80::2 dev server`),
    ]);
  }
  await nodes.plain.run(['nft', '-f', '-'], TRACK);
  await Promise.all([nodes.knat, nodes.plain].map((each) => each.sysctl(TRACKING)));
  await client.ip([`route add 10.96.0.0/12 via inet6 fe80::1 dev knat src ${CLIENT.knat}`]);
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

function factsOf(index: number): FactChange[] {
  const service = serviceFact(index);
  const slice = sliceFact(index, endpoints);
  return [
    { kind: 'Service', key: `${service.namespace}/${service.name}`, fact: service },
    { kind: 'EndpointSlice', key: `${slice.namespace}/${slice.name}`, fact: slice },
  ];
}

function report({ results, ...rest }: Awaited<ReturnType<typeof measure>>): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify({ ...rest, results })}\n`);
    return;
  }
  for (const result of results) {
    for (const [name, value] of Object.entries(result)) {
      process.stdout.write(
        `${name.padEnd(34)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`,
      );
    }
    process.stdout.write('\n');
  }
}
