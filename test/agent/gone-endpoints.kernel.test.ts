/**
 * An endpoint that no slice lists any more: clients of its connections are told, those that send and those that only wait,
 * whatever they dialled; connections to other endpoints go on. The agent follows a folder; both families.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HoldReport } from '../../src/lab/probe-messages.ts';
import { familyOf } from '../../src/net/address.ts';
import { protocolNumber } from '../../src/net/protocol.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { type Running, startKnat } from '../cli/knat.ts';
import { ip } from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { type Dialled, Stage } from '../netns/stage.ts';

/** Connections of each kind. Of this many, one of two endpoints gets none once in a million runs. */
const EACH = 20;
/** Milliseconds between two messages of a client that sends; the other sends one, and then waits. */
const SENDS = 100;
const WAITS = 3_600_000;
/** Below those that masquerading uses. */
const FIRST_PORT = 20_000;
const FAMILIES = ['IPv4', 'IPv6'] as const;

const outside = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
const pod = { IPv4: ip('10.244.1.9'), IPv6: ip('fd00:244:1::9') };
const node = { IPv4: ip('203.0.113.1'), IPv6: ip('2001:db8:1::1') };
const clusterIP = { IPv4: ip('10.96.0.10'), IPv6: ip('fd00:96::10') };
const external = { IPv4: ip('203.0.113.80'), IPv6: ip('2001:db8:1::80') };
const leaving = { IPv4: ip('10.244.1.1'), IPv6: ip('fd00:244:1::1') };
const staying = { IPv4: ip('10.244.1.2'), IPv6: ip('fd00:244:1::2') };
const ENDPOINTS = [leaving, staying].flatMap((each) => Object.values(each));

/** Who dials what. */
const WAYS: Readonly<Record<string, (family: (typeof FAMILIES)[number]) => Omit<Dialled, 'protocol'>>> = {
  'a pod, the ClusterIP': (family) => ({ source: pod[family], address: clusterIP[family], port: 80 }),
  'the node, the ClusterIP': (family) => ({ source: node[family], address: clusterIP[family], port: 80 }),
  'a client outside, the node port': (family) => ({
    source: outside[family],
    address: node[family],
    port: 30080,
  }),
  'a client outside, the external IP': (family) => ({
    source: outside[family],
    address: external[family],
    port: 80,
  }),
};

let stage: Stage;
let folder: string;
let agent: Running;

beforeAll(async () => {
  stage = await Stage.build();
});

afterAll(() => stage?.dispose());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  await stage.setUp({
    nodeAddresses: Object.values(node),
    sources: [...Object.values(outside), ...Object.values(pod)],
    targets: ENDPOINTS.map((address) => ({ address, protocol: 'TCP', port: 8080, echo: true })),
  });
  for (const each of ENDPOINTS)
    await stage.nftOf(each, ['-f', '-'], 'table inet dead {}; delete table inet dead');
});

afterEach(async () => {
  agent?.process.kill('SIGTERM');
  await agent?.ended;
  rmSync(folder, { recursive: true });
  nft('table ip knat_gone {}; delete table ip knat_gone; table ip6 knat_gone {}; delete table ip6 knat_gone');
});

describe.each(FAMILIES)('%s', (family) => {
  describe.each(Object.keys(WAYS))('%s', (way) => {
    test.each([
      ['that has died', true],
      ['that lives on', false],
    ])(
      'an endpoint %s: who sends and who waits is told',
      async (_, dies) => {
        await start({ service: {}, listed: 'both' });
        const dialled = { ...(WAYS[way] ?? failed)(family), protocol: 'TCP' as const };
        const held = await holdAll(dialled);
        if (dies) await kill(leaving[family]);
        writeObjects({ service: {}, listed: 'staying' });
        await agent.errorsHave('since the endpoint is gone');
        await waitUntil(() => flowsTo(leaving[family]) === 0);
        await sleep(300);
        expect(await endsOf(held)).toEqual({ [leaving[family]]: ['ECONNRESET'], [staying[family]]: [null] });
      },
      60_000,
    );
  });
});

interface State {
  readonly service: Readonly<Record<string, unknown>>;
  readonly listed: 'both' | 'staying' | 'draining' | 'none';
}

async function start(state: State, ...more: string[]): Promise<void> {
  writeObjects(state);
  agent = startKnat([
    ...['agent', '--source', `dir:${folder}`, '--node', 'n1', '--log-format', 'json'],
    ...more,
  ]);
  await agent.errorsHave('"programmed"');
}

interface Held {
  readonly endpoint: string | undefined;
  release(): Promise<HoldReport>;
}

/** How the connections of each endpoint ended. */
async function endsOf(held: readonly Held[]): Promise<Record<string, (string | null)[]>> {
  const ends: Record<string, Set<string | null>> = {};
  await Promise.all(
    held.map(async ({ endpoint = '', release }) => {
      const { ended } = await release();
      ends[endpoint] = (ends[endpoint] ?? new Set()).add(ended);
    }),
  );
  return Object.fromEntries(Object.entries(ends).map(([endpoint, all]) => [endpoint, [...all]]));
}

/** Opens connections that send and that wait; at least one of each leads to each endpoint. */
async function holdAll(dialled: Dialled): Promise<Held[]> {
  const held: Held[] = [];
  for (const every of [SENDS, WAITS]) {
    const ports = Array.from({ length: EACH }, (_, index) => FIRST_PORT + held.length + index);
    const releases = await Promise.all(
      ports.map((sourcePort) => stage.hold({ ...dialled, sourcePort }, every)),
    );
    const endpoints = endpointsOf(dialled);
    const some = ports.map((port, index) => ({
      endpoint: endpoints.get(port),
      release: releases[index] ?? failed,
    }));
    expect(new Set(some.map(({ endpoint }) => endpoint))).toEqual(
      new Set([leaving, staying].map((each) => each[familyOf(dialled.address)])),
    );
    held.push(...some);
  }
  return held;
}

/** The endpoint of each source port. */
function endpointsOf({ source, address }: Dialled): Map<number, string> {
  const conntrack = new ConntrackConnection();
  try {
    const flows = conntrack.entries({
      protocol: protocolNumber.TCP,
      original: { src: source, dst: address },
    });
    return new Map(flows.map(({ original, reply }) => [original.sport, reply.src]));
  } finally {
    conntrack.close();
  }
}

function flowsTo(endpoint: string): number {
  const conntrack = new ConntrackConnection();
  try {
    return conntrack.entries({ protocol: protocolNumber.TCP }).filter(({ reply }) => reply.src === endpoint)
      .length;
  } finally {
    conntrack.close();
  }
}

/** Nothing that is sent to the endpoint arrives, and nothing comes from it. */
async function kill(endpoint: Dialled['address']): Promise<void> {
  const word = endpoint.includes(':') ? 'ip6' : 'ip';
  await stage.nftOf(
    endpoint,
    ['-f', '-'],
    `table inet dead {
      chain in { type filter hook prerouting priority -400; ${word} daddr ${endpoint} drop; }
      chain out { type filter hook output priority -400; ${word} saddr ${endpoint} drop; }
    }`,
  );
}

async function waitUntil(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await isTrue()); i++) {
    if (i > 500) throw new Error('it does not happen');
    await sleep(20);
  }
}

function failed(): never {
  throw new Error('not there');
}

function writeObjects({ service, listed }: State): void {
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
      spec: { podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
      status: { addresses: Object.values(node).map((address) => ({ type: 'InternalIP', address })) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        type: 'NodePort',
        clusterIPs: Object.values(clusterIP),
        externalIPs: Object.values(external),
        ports: [{ name: 'echo', port: 80, nodePort: 30080 }],
        ...service,
      },
    },
    ...FAMILIES.map((family) => slice(family, listed)),
  ];
  writeFileSync(join(folder, '.objects'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  renameSync(join(folder, '.objects'), join(folder, 'objects.json'));
}

function slice(family: (typeof FAMILIES)[number], listed: State['listed']) {
  const draining = { ready: false, serving: false, terminating: true };
  const endpoints = [
    ...(listed === 'both' ? [{ addresses: [leaving[family]] }] : []),
    ...(listed === 'draining' ? [{ addresses: [leaving[family]], conditions: draining }] : []),
    ...(listed === 'none' ? [] : [{ addresses: [staying[family]] }]),
  ];
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `web-${family.toLowerCase()}`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType: family,
    ports: [{ name: 'echo', port: 8080 }],
    endpoints: endpoints.map((endpoint) => ({ nodeName: 'n1', ...endpoint })),
  };
}
