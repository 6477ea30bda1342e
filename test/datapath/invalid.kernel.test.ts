/** Segments out of the window of a translated connection: connection tracking calls them invalid and does not translate them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import {
  endpoint,
  ip,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';

const signal = new AbortController().signal;
/** One of these is beyond the window, whatever the sequence number of the connection; what is before it is only late. */
const ALL_OVER = [0, 1, 2, 3].map((quarter) => quarter * 2 ** 30 + 12_345);

const families = {
  IPv4: {
    name: 'ip',
    clusterIP: '10.96.0.10',
    endpoint: '10.244.1.1',
    pod: '10.244.2.9',
    node: '203.0.113.7',
  },
  IPv6: {
    name: 'ip6',
    clusterIP: 'fd00:96::a',
    endpoint: 'fd00:244::1',
    pod: 'fd00:244::2',
    node: '2001:db8::10',
  },
} as const;
const outside = { IPv4: '198.51.100.9', IPv6: '2001:db8:9::9' } as const;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [ip('203.0.113.7'), ip('2001:db8::10')],
    sources: Object.values({ ...outside, a: families.IPv4.pod, b: families.IPv6.pod }).map(ip),
    targets: [families.IPv4, families.IPv6].flatMap(({ endpoint }) =>
      [8080, 25].map((port) => ({ address: ip(endpoint), protocol: 'TCP' as const, port, echo: true })),
    ),
  });
});

afterAll(() => stage.dispose());

async function program(dropInvalid: boolean): Promise<void> {
  const node = nodeFacts({ nodeIPs: [ip('203.0.113.7'), ip('2001:db8::10')] });
  const planner = new Planner(node, { ...defaultPlanOptions, dropInvalid });
  const mail = { ...natEntry({ interfaceAuto: false, sourceIP: ip('203.0.113.7') }) };
  planner.apply([
    present(
      'Service',
      service({
        clusterIPs: [ip('10.96.0.10'), ip('fd00:96::a')],
        ports: [servicePort(80, { nodePort: portOf(30080) })],
      }),
    ),
    present('EndpointSlice', slice([endpoint('10.244.1.1', { nodeName: 'node-a' })])),
    present('EndpointSlice', slice([endpoint('fd00:244::1', { nodeName: 'node-a' })], { name: 'web-6' })),
    present('Pod', pod([mail], { ips: [ip('10.244.1.1')] })),
  ]);
  await stage.datapath.converge(planner.update(), signal);
}

/** Holds the connection, sends the segments, and gives how many of them left the node, or reached it, as the match says. */
async function escaped(held: Dialled, segments: Omit<Dialled, 'protocol'>, match: string): Promise<number> {
  nft(`table inet seen {
    chain out { type filter hook postrouting priority 300; ${match} counter; }
    chain in { type filter hook input priority 300; ${match} counter; }
  }`);
  const release = await stage.hold(held);
  try {
    await stage.sendSegments(segments, ALL_OVER);
    const { ended } = await release();
    expect(ended).toBeNull();
    const counts = [...nftList().matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
    return counts.reduce((sum, count) => sum + count, 0);
  } finally {
    nft('delete table inet seen');
  }
}

const nftList = () => nft('list table inet seen');

let sourcePort = 40_000;

/** Each way of a connection: who opens it, and which segments of it must not be seen untranslated. */
const ways = (['IPv4', 'IPv6'] as const).flatMap((family) => {
  const { name, clusterIP, endpoint, pod, node } = families[family];
  const from = (source: string, address: string, port: number) => () => ({
    held: {
      source: ip(source),
      sourcePort: ++sourcePort,
      address: ip(address),
      port,
      protocol: 'TCP' as const,
    },
    name,
  });
  return [
    { what: `${family}: pod to ClusterIP`, way: from(pod, clusterIP, 80), endpoint, target: 8080 },
    {
      what: `${family}: outside to NodePort`,
      way: from(outside[family], node, 30080),
      endpoint,
      target: 8080,
    },
    ...(family === 'IPv4'
      ? [{ what: 'IPv4: outside to a pod binding', way: from(outside.IPv4, node, 25), endpoint, target: 25 }]
      : []),
  ];
});

test.each(ways)('$what: what the client sends out of its window does not pass', async ({ way }) => {
  await program(true);
  const { held, name } = way();
  expect(await escaped(held, held, `${name} daddr ${held.address} tcp dport ${held.port}`)).toBe(0);
});

/** Masqueraded, the way back ends at a port of the node that the test does not know. */
const unmasqueraded = ways.filter(({ what }) => !what.endsWith('NodePort'));

test.each(unmasqueraded)(
  '$what: what the endpoint sends out of its window does not pass',
  async ({ way, endpoint, target }) => {
    await program(true);
    const { held, name } = way();
    const back = { source: ip(endpoint), sourcePort: target, address: held.source, port: held.sourcePort };
    expect(await escaped(held, back, `${name} saddr ${endpoint} tcp sport ${target}`)).toBe(0);
  },
);

test.each(ways.slice(0, 1))('with dropInvalid off they pass: $what', async ({ way, endpoint, target }) => {
  await program(false);
  const { held, name } = way();
  const back = { source: ip(endpoint), sourcePort: target, address: held.source, port: held.sourcePort };
  expect(await escaped(held, back, `${name} saddr ${endpoint} tcp sport ${target}`)).toBeGreaterThan(0);
});
