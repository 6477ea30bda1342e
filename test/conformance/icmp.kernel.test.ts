/**
 * ICMP: random states and real echo requests, and real errors about translated connections, each compared with explain.
 * Options as in random.kernel.test.ts.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { existingFlows } from '../../src/agent/existing-flows.ts';
import { explainQuery, explainSeen } from '../../src/agent/explain-query.ts';
import type { IcmpError } from '../../src/explain/icmp.ts';
import { isOwnAddress } from '../../src/explain/own.ts';
import type { Walk } from '../../src/explain/walk.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { ip, localAddress, nodeFacts, pool, present, service, slice } from '../generators/build.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { packetsOf, type Traffic, traffic } from '../generators/traffic.ts';
import { type PingOutcome, Stage } from '../netns/stage.ts';
import { endpointsOf } from './agreement.ts';

const runs = Number(process.env.KNAT_RANDOM_RUNS ?? 10);
const seed = process.env.KNAT_RANDOM_SEED;
/** Milliseconds: an answer takes some; where none is expected, the wait is shorter. */
const ANSWER_MS = 2000;
const SILENCE_MS = 300;
const POOLS = [
  present('IPPool', pool('all', '10.244.0.0/16', { natOutgoing: true })),
  present('IPPool', pool('all6', 'fd00:244::/32', { natOutgoing: true })),
];
/** Echo requests of a state; they go one after the other. */
const PINGS = 8;
const signal = new AbortController().signal;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage.dispose());

const tally = new Map<string, number>();

test('echo requests get what explain says', async () => {
  await fc.assert(fc.asyncProperty(traffic, shrinkFor(30_000, pingsAgree)), {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
  console.log([...tally].sort().join('\n'));
  expect([...tally.keys()]).toEqual(expect.arrayContaining(['none', 'reject', 'snat']));
}, 600_000);

async function pingsAgree(state: Traffic): Promise<void> {
  const planner = new Planner(state.node, defaultPlanOptions);
  planner.apply(state.changes);
  // Half of the states have pools for all of their pods too.
  if (state.choices.length % 2 === 1) planner.apply(POOLS);
  const plan = planner.update();
  const pairs = new Map(
    packetsOf(state, plan).map(({ source, address }) => [`${source} ${address}`, { source, address }]),
  );
  const pings = [...pairs.values()].filter(({ source, address }) => source !== address).slice(0, PINGS);
  const own = state.node.localAddresses
    .map(({ address }) => address)
    .filter((address) => !isLoopback(address));
  await stage.setUp({
    nodeAddresses: [...new Set([...state.node.nodeIPs, ...own])],
    sources: pings.map(({ source }) => source),
    // Every host answers pings; Service addresses have none.
    targets: [
      ...pings.map(({ address }) => ({ address, protocol: 'UDP' as const, port: 9 })),
      ...endpointsOf(plan),
    ],
  });
  await stage.datapath.converge(plan, signal);
  for (const { source, address } of pings) {
    const by = stage.inputInterface(source);
    const question = {
      from: source,
      to: address,
      proto: 'icmp',
      ...(by === undefined ? {} : { interface: by }),
    };
    const walk = explainQuery(planner, question);
    tally.set(walk.verdict, (tally.get(walk.verdict) ?? 0) + 1);
    const outcome = await stage.ping(source, address, walk.verdict === 'drop' ? SILENCE_MS : ANSWER_MS);
    expect({ source, address, seen: told(walk, planner, outcome) }).toEqual({
      source,
      address,
      seen: 'as foretold',
    });
  }
}

function told({ verdict, paths, packet }: Walk, planner: Planner, outcome: PingOutcome): string {
  const foretold =
    verdict === 'reject' ? 'refused' : verdict === 'drop' ? 'silence' : (paths[0]?.snat ?? 'kept');
  const seen = typeof outcome === 'string' ? outcome : outcome.saw === packet.source ? 'kept' : outcome.saw;
  // The node's own address may be the sender's: masqueraded to itself.
  const isOwn = typeof outcome !== 'string' && isOwnAddress(planner.heldNode, outcome.saw);
  if (seen === foretold || (foretold === 'node' && isOwn)) return 'as foretold';
  return `explain: ${foretold}, kernel: ${seen}`;
}

const families = {
  IPv4: {
    node: '192.0.2.10',
    pods: '10.244.0.0/16',
    pod: '10.244.1.5',
    endpoint: '10.244.1.7',
    frontend: '10.96.0.10',
    client: '198.51.100.9',
    outside: '198.51.100.80',
    router: '198.51.100.77',
  },
  IPv6: {
    node: '2001:db8::10',
    pods: 'fd00:244::/64',
    pod: 'fd00:244::5',
    endpoint: 'fd00:244::7',
    frontend: 'fd00:96::10',
    client: '2001:db8:9::9',
    outside: '2001:db8:9::80',
    router: '2001:db8:9::77',
  },
} as const;

/** Type and code by family: RFC 792, RFC 4443. */
const KINDS: readonly {
  readonly kind: IcmpError;
  readonly IPv4: readonly number[];
  readonly IPv6: readonly number[];
}[] = [
  { kind: 'destination-unreachable', IPv4: [3, 3], IPv6: [1, 4] },
  { kind: 'fragmentation-needed', IPv4: [3, 4], IPv6: [2, 0] },
  { kind: 'time-exceeded', IPv4: [11, 0], IPv6: [3, 0] },
  { kind: 'parameter-problem', IPv4: [12, 0], IPv6: [4, 0] },
];

describe.each(['IPv4', 'IPv6'] as const)('errors about translated connections, %s', (family) => {
  const at = Object.fromEntries(
    Object.entries(families[family]).map(([name, text]) => [name, name === 'pods' ? text : ip(text)]),
  ) as Record<keyof (typeof families)['IPv4'], IpAddress>;
  const node = nodeFacts({
    nodeIPs: [at.node],
    localAddresses: [localAddress(at.node)],
    podCIDRs: [],
    masqueradeAll: true,
  });
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply([
    present('Service', service({ clusterIPs: [at.frontend] })),
    present('EndpointSlice', slice([at.endpoint], { family })),
    present('IPPool', pool('pods', families[family].pods, { natOutgoing: true })),
  ]);

  beforeAll(async () => {
    planner.update();
    await stage.setUp({
      nodeAddresses: [at.node],
      sources: [at.client, at.pod, at.router],
      behindPods: [at.pod, at.endpoint],
      targets: [
        { address: at.endpoint, protocol: 'TCP', port: 8080 },
        { address: at.outside, protocol: 'TCP', port: 443 },
      ],
    });
    await stage.datapath.converge(planner.plan, signal);
    // The hosts of a stage send no errors of their own accord; here they send those of the test.
    for (const address of [at.client, at.endpoint]) {
      await stage.nftOf(address, ['flush', 'chain', 'inet', 'never_refuse', 'output']);
    }
  });

  test.each(KINDS)(
    '$kind from a router, about a masqueraded packet of a pod',
    async ({ kind, [family]: type }) => {
      const flow = await opened(at.pod, at.outside, 443);
      const inner = {
        source: flow.reply.dst,
        sourcePort: flow.reply.dport,
        destination: at.outside,
        port: 443,
      };
      const walk = await agrees(kind, type, at.router, inner);
      expect(walk.paths[0]?.after).toMatchObject({ source: at.router, destination: at.pod });
    },
  );

  test.each(KINDS)(
    '$kind from the endpoint, about a packet to a Service',
    async ({ kind, [family]: type }) => {
      const { reply } = await opened(at.client, at.frontend, 80);
      const inner = { source: reply.dst, sourcePort: reply.dport, destination: reply.src, port: reply.sport };
      const walk = await agrees(kind, type, at.endpoint, inner);
      expect(walk.paths[0]?.after).toMatchObject({ source: at.frontend, destination: at.client });
    },
  );

  test.each(KINDS)('$kind from the client, about a reply of a Service', async ({ kind, [family]: type }) => {
    const { original } = await opened(at.client, at.frontend, 80);
    const inner = {
      source: original.dst,
      sourcePort: original.dport,
      destination: original.src,
      port: original.sport,
    };
    const walk = await agrees(kind, type, at.client, inner);
    expect(walk.paths[0]?.after).toMatchObject({ source: at.node, destination: at.endpoint });
  });

  test('about a packet of no connection: it passes as it is', async () => {
    const inner = { source: at.client, sourcePort: 7, destination: at.outside, port: 443 };
    const { verdict, steps } = await agrees('time-exceeded', KINDS[2]?.[family] ?? [], at.endpoint, inner);
    expect({ verdict, state: steps[0] }).toMatchObject({
      verdict: 'none',
      state: { rule: 'icmp-answer', state: 'none' },
    });
  });

  interface Inner {
    readonly source: IpAddress;
    readonly sourcePort: number;
    readonly destination: IpAddress;
    readonly port: number;
  }

  /** Sends the error, and counts at its destination whether it is what explain says, outside and inside. */
  async function agrees(
    kind: IcmpError,
    type: readonly number[],
    reporter: IpAddress,
    inner: Inner,
  ): Promise<Walk> {
    const question = {
      from: reporter,
      icmp: kind,
      innerFrom: formatEndpoint(inner.source, inner.sourcePort),
      innerTo: formatEndpoint(inner.destination, inner.port),
    };
    const { walk } = await explainSeen(planner, explainQuery(planner, question), existingFlows);
    const [step] = walk.steps;
    const after = walk.paths[0]?.after;
    if (after === undefined || step?.rule !== 'icmp-answer') throw new Error('no answer');
    const inside = step.inner ?? `TCP ${question.innerFrom} → ${question.innerTo}`;
    await stage.nftOf(
      after.destination,
      ['-f', '-'],
      counting(family, String(after.source), after.destination, inside),
    );
    await stage.sendIcmpError(reporter, [
      ...type,
      6,
      inner.source,
      inner.sourcePort,
      inner.destination,
      inner.port,
    ]);
    const isCounted = async () => {
      return /packets 1 /.test(await stage.nftOf(after.destination, ['list', 'table', 'inet', 'errors']));
    };
    for (let left = 100; left > 0 && !(await isCounted()); left--)
      await new Promise((done) => setTimeout(done, 20));
    const listed = await stage.nftOf(after.destination, ['list', 'table', 'inet', 'errors']);
    await stage.nftOf(after.destination, ['delete', 'table', 'inet', 'errors']);
    expect(listed, inside).toMatch(/packets 1 /);
    return walk;
  }
});

/** Opens a connection; returns its entry in conntrack. */
async function opened(source: IpAddress, address: IpAddress, port: number) {
  expect(await stage.dial({ source, address, protocol: 'TCP', port }, ANSWER_MS)).toMatchObject({
    outcome: 'answered',
  });
  const conntrack = new ConntrackConnection();
  const found = conntrack.entries({
    family: familyOf(source),
    original: { src: source, dst: address, dport: port },
  });
  conntrack.close();
  const newest = found.sort((a, b) => b.original.sport - a.original.sport)[0];
  if (newest === undefined) throw new Error('no entry');
  return newest;
}

/** Counts errors with these ends, and with this packet inside. */
function counting(family: Family, source: string, destination: string, inside: string): string {
  const [, from = '', fromPort, to = '', toPort] =
    /^\w+ \[?(.*?)\]?:(\d+) → \[?(.*?)\]?:(\d+)$/.exec(inside) ?? [];
  const ports = `0x${Number(fromPort).toString(16).padStart(4, '0')}${Number(toPort).toString(16).padStart(4, '0')}`;
  const raw =
    family === 'IPv4'
      ? `@th,160,32 ${hexOf(from)} @th,192,32 ${hexOf(to)} @th,224,32 ${ports}`
      : `@th,128,128 ${hexOf(from)} @th,256,128 ${hexOf(to)} @th,384,32 ${ports}`;
  const [ends, protocol] =
    family === 'IPv4'
      ? [`ip saddr ${source} ip daddr ${destination}`, 'icmp']
      : [`ip6 saddr ${source} ip6 daddr ${destination}`, 'ipv6-icmp'];
  return `table inet errors {
  chain seen {
    type filter hook prerouting priority -400; policy accept;
    ${ends} meta l4proto ${protocol} ${raw} counter
  }
}
`;
}

function hexOf(address: string): string {
  if (!address.includes(':')) {
    return `0x${address
      .split('.')
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('')}`;
  }
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  const all = address.includes('::') ? [...groups(head), ...zeros, ...groups(tail)] : groups(address);
  return `0x${all.map((group) => group.padStart(4, '0')).join('')}`;
}
