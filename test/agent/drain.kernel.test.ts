/**
 * A rolling update under load: an endpoint that terminates gets no new connection while others are ready, keeps its
 * open ones, and is used where no other is left. The agent follows a folder; both families, TCP and UDP.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { protocolNumber } from '../../src/net/protocol.ts';
import { askAgent } from '../../src/observe/client.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { type Running, startKnat } from '../cli/knat.ts';
import { ip } from '../generators/build.ts';
import { type Dialled, Stage, type Target } from '../netns/stage.ts';
import { startTraffic } from '../netns/traffic.ts';

/** New connections per second, of both families and protocols together. */
const RATE = 200;
/** Connections of each family and protocol. Of this many, one of three endpoints gets none once in a million runs. */
const HELD = 40;
const FAMILIES = ['IPv4', 'IPv6'] as const;

const client = { IPv4: ip('198.51.100.9'), IPv6: ip('2001:db8:9::9') };
const nodeAddress = { IPv4: ip('203.0.113.1'), IPv6: ip('2001:db8:1::1') };
const clusterIP = { IPv4: ip('10.96.0.10'), IPv6: ip('fd00:96::10') };
const endpoints = {
  first: { IPv4: ip('10.244.1.1'), IPv6: ip('fd00:244:1::1') },
  second: { IPv4: ip('10.244.1.2'), IPv6: ip('fd00:244:1::2') },
  third: { IPv4: ip('10.244.1.3'), IPv6: ip('fd00:244:1::3') },
};
type Name = keyof typeof endpoints;
const NAMES = Object.keys(endpoints) as Name[];

/** The conditions of an endpoint, as the EndpointSlice controller writes them. */
const conditions = {
  ready: { ready: true, serving: true, terminating: false },
  draining: { ready: false, serving: true, terminating: true },
  failing: { ready: false, serving: false, terminating: false },
} as const;
type State = Readonly<Record<Name, keyof typeof conditions>>;

let stage: Stage;
let folder: string;
let agent: Running;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knat-test-'));
  writeFileSync(join(folder, 'service.json'), JSON.stringify(serviceObjects()));
  writeSlices({ first: 'ready', second: 'ready', third: 'ready' });
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: Object.values(nodeAddress),
    sources: Object.values(client),
    targets: NAMES.flatMap((name) =>
      Object.values(endpoints[name]).flatMap((address): Target[] => [
        { address, protocol: 'TCP', port: 8080 },
        { address, protocol: 'TCP', port: 8081, echo: true },
        { address, protocol: 'UDP', port: 5353 },
      ]),
    ),
  });
  agent = startKnat(['agent', '--source', `dir:${folder}`, '--node', 'n1', '--log-format', 'json']);
  await agent.errorsHave('"programmed"');
});

afterAll(async () => {
  agent?.process.kill('SIGTERM');
  await agent?.ended;
  stage?.dispose();
  rmSync(folder, { recursive: true });
});

test('a draining endpoint keeps open connections and gets new ones only if no other is left', async () => {
  const stop = await startTraffic(stage, {
    dialled: dials(80, 53),
    held: heldDials(),
    rate: RATE,
    heldEveryMs: 500,
  });
  const phases: { readonly from: number; readonly to: number; readonly by: readonly Name[] }[] = [];
  const phase = async (state: State, by: readonly Name[]) => {
    await change(state);
    const from = performance.now();
    await sleep(1000);
    phases.push({ from, to: performance.now(), by });
  };
  const flows: string[][] = [heldFlows()];
  const changes = async () => {
    await phase({ first: 'draining', second: 'ready', third: 'ready' }, ['second', 'third']);
    await phase({ first: 'draining', second: 'draining', third: 'ready' }, ['third']);
    flows.push(heldFlows());
    await phase({ first: 'draining', second: 'draining', third: 'failing' }, ['first', 'second']);
    await phase({ first: 'draining', second: 'ready', third: 'failing' }, ['second']);
  };
  const { failed, answered, held, dialled, seconds } = await changes().then(stop, async (error) => {
    await stop();
    throw error;
  });

  expect(failed).toEqual([]);
  expect(dialled).toBeGreaterThan(seconds * RATE * 0.9);
  for (const { from, to, by } of phases) {
    const inPhase = answered.filter(({ dialledAt }) => dialledAt > from && dialledAt < to);
    expect(inPhase.length).toBeGreaterThan(RATE / 2);
    const expected = by.flatMap((name) => listenersOf(name));
    expect([...new Set(inPhase.map((one) => one.by))].sort()).toEqual(expected.sort());
  }
  const [before = [], whileDraining] = flows;
  for (const name of NAMES) for (const protocol of ['TCP', 'UDP']) expectSome(before, name, protocol);
  expect(whileDraining, 'open connections and flows').toEqual(before);
  for (const one of held) {
    expect(one.ended, one.to).toBeNull();
    expect(one.sent - one.answers, one.to).toBeLessThanOrEqual(1); // the last may be late on a busy machine
  }
}, 40_000);

/** Writes the state and waits until it is in the kernel. */
async function change(state: State): Promise<void> {
  const revision = await programmedRevision();
  writeSlices(state);
  for (let i = 0; (await programmedRevision()) === revision; i++) {
    if (i > 500) throw new Error('the agent does not program the change');
    await sleep(20);
  }
}

async function programmedRevision(): Promise<number | undefined> {
  return (await askAgent('/status')).programmed?.revision;
}

/** The held connections and their endpoints, one text each. */
function heldFlows(): string[] {
  const conntrack = new ConntrackConnection();
  try {
    const flows = [
      ...conntrack.entries({ protocol: protocolNumber.TCP, original: { dport: 81 } }),
      ...conntrack.entries({ protocol: protocolNumber.UDP, original: { dport: 54 } }),
    ];
    return flows
      .map(({ protocol, original, reply }) => {
        const name = protocol === protocolNumber.TCP ? 'TCP' : 'UDP';
        return `${name} ${original.src} ${original.sport} ${reply.src}`;
      })
      .sort();
  } finally {
    conntrack.close();
  }
}

function expectSome(flows: readonly string[], name: Name, protocol: string): void {
  for (const address of Object.values(endpoints[name])) {
    const some = flows.filter((flow) => flow.startsWith(protocol) && flow.endsWith(` ${address}`));
    expect(some.length, `${protocol} to ${address}`).toBeGreaterThan(0);
  }
}

function dials(tcp: number, udp: number): Dialled[] {
  return FAMILIES.flatMap((family): Dialled[] => {
    const way = { source: client[family], address: clusterIP[family] };
    return [
      { ...way, protocol: 'TCP', port: tcp },
      { ...way, protocol: 'UDP', port: udp },
    ];
  });
}

function heldDials(): Dialled[] {
  return Array.from({ length: HELD }, () => dials(81, 54)).flat();
}

function listenersOf(name: Name): string[] {
  const { IPv4, IPv6 } = endpoints[name];
  return [`${IPv4}:8080`, `${IPv4}:5353`, `[${IPv6}]:8080`, `[${IPv6}]:5353`];
}

function serviceObjects() {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
    status: { addresses: Object.values(nodeAddress).map((address) => ({ type: 'InternalIP', address })) },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      clusterIPs: Object.values(clusterIP),
      ports: [
        { name: 'http', port: 80 },
        { name: 'echo', port: 81 },
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'held', port: 54, protocol: 'UDP' },
      ],
    },
  };
  return { apiVersion: 'v1', kind: 'List', items: [node, service] };
}

/** Replaces all endpoints by one rename, so that the agent sees either the old or the new state. */
function writeSlices(state: State): void {
  const items = FAMILIES.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `web-${family.toLowerCase()}`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType: family,
    ports: [
      { name: 'http', port: 8080 },
      { name: 'echo', port: 8081 },
      { name: 'dns', port: 5353, protocol: 'UDP' },
      { name: 'held', port: 5353, protocol: 'UDP' },
    ],
    endpoints: NAMES.map((name) => ({
      addresses: [endpoints[name][family]],
      conditions: conditions[state[name]],
      nodeName: 'n1',
    })),
  }));
  writeFileSync(join(folder, '.slices'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  renameSync(join(folder, '.slices'), join(folder, 'slices.json'));
}
