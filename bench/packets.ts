/**
 * npm run bench:packets -- --services 1000 --endpoints 3 -o json
 *
 * What a node costs a packet: frames are forwarded by nodes (network namespaces) that differ only in their rules: one that
 * tracks connections alone, one with knat, one with kube-proxy's layout and a CNI's masquerading. All nodes in turn.
 */
import { parseArgs } from 'node:util';
import { forwarderSettings } from '../src/lab/cabling.ts';
import type { Host } from '../src/lab/host.ts';
import { Lab } from '../src/lab/lab.ts';
import { removeStale } from '../src/lab/removal.ts';
import { FAMILIES } from '../src/net/family.ts';
import { ConntrackConnection } from '../src/wire/conntrack/connection.ts';
import { benchCluster, FEWEST_SERVICES, NETWORKS } from './cluster.ts';
import { type Cost, startMeter } from './cost.ts';
import { kubeProxyLayout } from './kube-proxy-layout.ts';
import { inNamespace, quantile, TRACK } from './nodes.ts';
import { answerTo, classesOf, ESTABLISHED, type PacketClass, packetOf } from './packets/classes.ts';
import { NODE_MAC, writeFrame } from './packets/frames.ts';
import { PacketSocket } from './packets/packet-socket.ts';
import { programKnat } from './program-knat.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '300' },
    class: { type: 'string', multiple: true },
    family: { type: 'string', multiple: true },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);
const rounds = Number(values.rounds);
if (
  !(
    services >= FEWEST_SERVICES &&
    services <= 100_000 &&
    endpoints > 0 &&
    endpoints <= 100 &&
    rounds >= 10 &&
    rounds <= 2000
  )
) {
  throw new RangeError(`--services ${FEWEST_SERVICES} to 100000, --endpoints 1 to 100, --rounds 10 to 2000`);
}

/** The nodes; the first is the measure of the others. */
const WAYS = ['tracking', 'knat', 'kube-proxy'] as const;
type Way = (typeof WAYS)[number];

/** Frames in one system call: about 0.1 ms, so that other load slows all nodes equally. */
const AT_ONCE = 32;
/** Rounds before the measured ones: neighbours, caches, compiled code. */
const WARM_UP = 30;

const TRACKING = {
  ...forwarderSettings,
  // Frames have no transport checksum, and flows are forgotten soon: the table is the machine's, not the node's.
  'net.netfilter.nf_conntrack_checksum': 0,
  'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': 2,
  'net.netfilter.nf_conntrack_udp_timeout': 5,
} as const;

/** `IPS_SEEN_REPLY` of linux/netfilter/nf_conntrack_common.h */
const SEEN_REPLY = 2;

/** The next hop behind a node; no interface has its hardware address, so that the sink ignores every packet. */
const NEXT_HOP = { IPv4: '169.254.9.9', IPv6: 'fe80::9' } as const;
const NOBODY = '02:00:00:00:00:99';

removeStale('knat-bench');
const lab = new Lab('knat-bench');
try {
  report(await measure());
} finally {
  lab.dispose();
}

interface Result {
  readonly family: string;
  readonly class: string;
  readonly nanoseconds: Readonly<Record<Way, number>>;
  /** Median over the rounds of a node's time divided by that of the node that only tracks. */
  readonly ratio: Readonly<Record<Way, number>>;
  /** Processor time of one packet, user and kernel: the mean. */
  readonly cpuNanoseconds: Readonly<Record<Way, number>>;
  /** Of the measuring process, over all nodes and rounds. */
  readonly cost: Cost;
}

async function measure(): Promise<Result[]> {
  const [client, sink, ...nodes] = await lab.addHosts(['client', 'sink', ...WAYS.map((_, i) => `node${i}`)]);
  if (client === undefined || sink === undefined) throw new Error('the lab made no hosts');
  const hosts = Object.fromEntries(WAYS.map((way, i) => [way, nodes[i]])) as unknown as Record<Way, Host>;
  for (const way of WAYS) await wire(client, sink, hosts[way]);
  const clusters = FAMILIES.map((family) => benchCluster(family, services, endpoints));
  await hosts.tracking.run(['nft', '-f', '-'], TRACK);
  for (const cluster of clusters) await hosts['kube-proxy'].run(['nft', '-f', '-'], kubeProxyLayout(cluster));
  await programKnat(hosts.knat, clusters);
  return clusters
    .filter(({ family }) => values.family?.includes(family) ?? true)
    .flatMap((cluster) =>
      classesOf(cluster)
        .filter(({ name }) => values.class?.includes(name) ?? true)
        .map((each) => measureClass(each, client, sink, hosts)),
    );
}

/** Sends the same packets to all nodes in turn, round after round; each round begins with another node. */
function measureClass(
  each: PacketClass,
  client: Host,
  sink: Host,
  hosts: Readonly<Record<Way, Host>>,
): Result {
  const sockets = Object.fromEntries(
    WAYS.map((way) => [way, inNamespace(client, () => new PacketSocket(hosts[way].name, AT_ONCE))]),
  ) as Record<Way, PacketSocket>;
  const times = Object.fromEntries(WAYS.map((way) => [way, [] as number[]])) as Record<Way, number[]>;
  const serials = Object.fromEntries(WAYS.map((way) => [way, 0])) as Record<Way, number>;
  const cpu = Object.fromEntries(WAYS.map((way) => [way, 0])) as Record<Way, number>;
  const meter = startMeter();
  if (each.answers !== null) for (const way of WAYS) establish(each, sockets[way], sink, hosts[way], way);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (let i = 0; i < WAYS.length; i++) {
      const way = WAYS[(i + round) % WAYS.length] ?? 'tracking';
      const socket = sockets[way];
      for (let frame = 0; frame < AT_ONCE; frame++) {
        const ends = packetOf(each, serials[way]++, way === 'tracking');
        socket.setLength(frame, writeFrame(socket.frames[frame] as Uint8Array, ends));
      }
      const before = process.cpuUsage();
      const start = process.hrtime.bigint();
      socket.send(AT_ONCE);
      const took = Number(process.hrtime.bigint() - start) / AT_ONCE;
      const { user, system } = process.cpuUsage(before);
      if (round < WARM_UP) continue;
      times[way].push(took);
      cpu[way] += user + system;
    }
  }
  const cost = meter();
  for (const way of WAYS) {
    sockets[way].close();
    inNamespace(hosts[way], () => checkTranslation(each, way));
  }
  const per = (value: (way: Way) => number) =>
    Object.fromEntries(WAYS.map((way) => [way, value(way)])) as Record<Way, number>;
  return {
    family: each.family,
    class: each.name,
    nanoseconds: per((way) => Math.round(quantile(times[way], 0.5))),
    ratio: per((way) => {
      const ratios = times[way].map((time, i) => time / (times.tracking[i] ?? Number.NaN));
      return round3(quantile(ratios, 0.5));
    }),
    cpuNanoseconds: per((way) => Math.round((cpu[way] * 1000) / rounds / AT_ONCE)),
    cost,
  };
}

/** Throws unless this node translated the packets as the class says, so that a node that does nothing cannot win. */
function checkTranslation({ name, family, ...each }: PacketClass, way: Way): void {
  const connections = new ConntrackConnection();
  const port = each.port;
  const protocol = each.protocol === 'tcp' ? 6 : 17;
  const entries = connections
    .entries({ family })
    .filter((entry) => entry.protocol === protocol && entry.original.dport === port)
    .filter(
      ({ original }) =>
        each.spread > 1 || original.dst === each.destination || original.dst === each.straight,
    );
  connections.close();
  if (entries.length === 0) throw new Error(`${way} has no connection of ${name} ${family}`);
  for (const { original, reply, status } of entries) {
    const source = reply.dst !== original.src;
    const destination = reply.src !== original.dst;
    const none = way === 'tracking';
    if (
      source !== (!none && each.translates.source) ||
      destination !== (!none && each.translates.destination)
    ) {
      throw new Error(`${way} ${name}: ${JSON.stringify({ original, reply })}`);
    }
    if (original.sport === ESTABLISHED && (status & SEEN_REPLY) === 0) {
      throw new Error(`${way} ${name}: the flow is not established`);
    }
  }
}

/** Sends one packet each way, so that conntrack regards the flow as established. */
function establish(each: PacketClass, socket: PacketSocket, sink: Host, host: Host, way: Way): void {
  const ends = packetOf(each, 0, way === 'tracking');
  socket.setLength(0, writeFrame(socket.frames[0] as Uint8Array, ends));
  socket.send(1);
  const back = inNamespace(sink, () => new PacketSocket(host.name, 1));
  back.setLength(0, writeFrame(back.frames[0] as Uint8Array, answerTo(each, ends, way === 'tracking')));
  back.send(1);
  back.close();
}

/** A node between the client and the sink, with permanent neighbour entries, so that no host sends ARP or NDP. */
async function wire(client: Host, sink: Host, node: Host): Promise<void> {
  await node.ip([
    `link add client address ${NODE_MAC} type veth peer name ${node.name} netns ${client.namespace}`,
    `link add sink address ${NODE_MAC} type veth peer name ${node.name} netns ${sink.namespace}`,
    'link set client addrgenmode none up',
    'link set sink addrgenmode none up',
  ]);
  for (const far of [client, sink]) {
    await far.ip([`link set ${node.name} addrgenmode none`, `link set ${node.name} up arp off`]);
    await far.sysctl({ [`net.ipv6.conf.${node.name}.disable_ipv6`]: 1 });
  }
  for (const family of FAMILIES) {
    const networks = NETWORKS[family];
    const hop = NEXT_HOP[family];
    await node.ip(
      [
        `address add ${networks.node}/${family === 'IPv4' ? 32 : 128} dev sink nodad`,
        `neighbor add ${hop} lladdr ${NOBODY} nud permanent dev sink`,
        `route add default via ${hop} dev sink onlink src ${networks.node}`,
        `neighbor add ${hop} lladdr ${NOBODY} nud permanent dev client`,
        `route add ${networks.client} via ${hop} dev client onlink`,
      ],
      family === 'IPv4' ? '-4' : '-6',
    );
  }
  await node.sysctl(TRACKING);
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function report(results: readonly Result[]): void {
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify({ services, endpoints, rounds, results })}\n`);
    return;
  }
  const columns = ['class', ...WAYS.map((way) => `${way} ns`), 'knat ratio', 'kube-proxy ratio'];
  const rows = results.map(({ family, class: name, nanoseconds, ratio }) => [
    `${name} ${family}`,
    ...WAYS.map((way) => `${nanoseconds[way]}`),
    ratio.knat.toFixed(2),
    ratio['kube-proxy'].toFixed(2),
  ]);
  for (const row of [columns, ...rows]) {
    process.stdout.write(
      `${row.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(18))).join('')}\n`,
    );
  }
}
