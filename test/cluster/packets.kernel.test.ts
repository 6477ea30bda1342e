/**
 * A real agent with an API server as its source, the simulator or a real one: random objects are created, changed and
 * removed, agent and server stop and start, connections break and tokens expire. After each of these the kernel equals a
 * plan from scratch, packets go where explain says, connections stay; and if nothing changed, nothing is written.
 *
 * The server is in the node's network namespace, behind a gate that the test bars and breaks. `make test-cluster`
 * runs it with KNAT_CLUSTER_ROUNDS=1; 0 is a short form. `KNAT_SEED=random` draws other objects.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelListeners } from '../../src/agent/host-listeners.ts';
import { KernelAddresses } from '../../src/agent/interface-addresses.ts';
import { planOnce } from '../../src/agent/offline.ts';
import { takenPortsOf } from '../../src/agent/taken-ports.ts';
import { walkJson } from '../../src/explain/json.ts';
import { type Walk, walk } from '../../src/explain/walk.ts';
import type { HoldReport } from '../../src/lab/probe-messages.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { formatEndpoint } from '../../src/net/address.ts';
import { askAgent } from '../../src/observe/client.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { type Running, startKnat } from '../cli/knat.ts';
import { kernelDisagreements } from '../conformance/agreement.ts';
import { cidr, ip, portOf } from '../generators/build.ts';
import {
  ENDPOINTS,
  type KubeChange,
  kubeChange,
  NODE,
  POD_RANGES,
  SERVICE_RANGES,
  TARGETS,
} from '../generators/kube-objects.ts';
import { DESTINATIONS, type PacketChoice, packetChoice, packetsOf, SOURCES } from '../generators/traffic.ts';
import { type Dialled, Stage as PacketStage, type Target } from '../netns/stage.ts';
import { askFor } from './ask-for.ts';
import type { ClusterClient, Manifest } from './cluster-client.ts';
import { factsOfServer } from './facts-of-server.ts';
import { Gate } from './gate.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { namespace, readDefinition } from './manifests.ts';
import { until } from './recorder.ts';
import { Stage } from './stage.ts';
import { isReal, startCluster } from './start-cluster.ts';

const rounds = Number(process.env.KNAT_CLUSTER_ROUNDS ?? 0);
const isShort = rounds === 0;
const ROUNDS = Math.max(rounds, 1);
const CHANGES = 8;
const PACKETS = 10;
/** Milliseconds that an agent may take for a change: after an outage of the server it waits between attempts. */
const PATIENCE = 60_000;

const nodeConfig = { podCIDRs: POD_RANGES.map(cidr), serviceCIDRs: SERVICE_RANGES.map(cidr) };
const signal = new AbortController().signal;

const ANCHOR_IP = ip('10.96.0.77');

/** A Service that never changes, for the held connections. */
const ANCHOR: readonly Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'anchor', namespace: 'shop' },
    spec: { clusterIP: ANCHOR_IP, ports: [{ name: 'echo', port: 7, targetPort: 7007 }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'anchor', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'anchor' } },
    addressType: 'IPv4',
    ports: [{ name: 'echo', port: 7007, protocol: 'TCP' }],
    endpoints: ENDPOINTS.IPv4.slice(0, 2).map((address) => ({ addresses: [address] })),
  },
];

let packets: PacketStage;
let stage: Stage;
let client: ClusterClient;
let gate: Gate;
let agent: Running;
let kernel: NftablesConnection;
let addresses: KernelAddresses;
let listeners: KernelListeners;
let token: string;
let arguments_: readonly string[];

beforeAll(async () => {
  packets = await PacketStage.build();
  await packets.setUp({
    nodeAddresses: NODE.addresses,
    sources: [...SOURCES.IPv4, ...SOURCES.IPv6],
    targets: targets(),
  });
  kernel = new NftablesConnection();
  addresses = new KernelAddresses();
  listeners = new KernelListeners({ now: () => performance.now(), every: () => () => {} });
  stage = new Stage(await startCluster());
  gate = await Gate.open(stage.cluster.url);
  client = stage.client;
  await stage.prepare();
  for (const name of ['ippools', 'egressrules', 'nodenats']) await client.serve(readDefinition(name));
  const internal = NODE.addresses.filter((address) => !address.startsWith('203.'));
  const status = { addresses: internal.map((address) => ({ type: 'InternalIP', address })) };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE.name }, spec: {}, status };
  for (const manifest of [namespace('mail'), node, ...ANCHOR]) await client.create(manifest);
  token = join(stage.folder, 'token');
  writeFileSync(token, stage.cluster.knatToken);
  const kubeconfig = writeKubeconfig(stage.folder, { ...stage.cluster, url: gate.url }, { tokenFile: token });
  const config = join(stage.folder, 'node.yaml');
  writeFileSync(config, JSON.stringify({ podCIDRs: POD_RANGES, serviceCIDRs: SERVICE_RANGES }));
  arguments_ = ['agent', '--source', 'kubernetes', '--kubeconfig', kubeconfig, '--node', NODE.name];
  arguments_ = [...arguments_, '--node-config', config, '--log-format', 'json'];
  await startAgent();
}, 300_000);

afterAll(async () => {
  agent?.process.kill('SIGKILL');
  await agent?.ended;
  gate?.close();
  await stage?.close();
  for (const open of [kernel, addresses, listeners]) open?.close();
  packets?.dispose();
});

/** Every possible listener, right or wrong. On the node itself nothing listens: the agent would see it. */
function targets(): Target[] {
  const away = [...DESTINATIONS.IPv4, ...DESTINATIONS.IPv6].filter((address) => !isOwn(address));
  const endpoints = [...ENDPOINTS.IPv4, ...ENDPOINTS.IPv6].map(ip);
  const ports = [...new Set([...TARGETS, 24, 80, 30080])];
  const echo = endpoints
    .slice(0, 2)
    .map((address): Target => ({ address, protocol: 'TCP', port: 7007, echo: true }));
  const both = [...new Set([...endpoints, ...away])].flatMap((address) =>
    ports.flatMap((port): Target[] => [
      { address, protocol: 'TCP', port },
      { address, protocol: 'UDP', port },
    ]),
  );
  return [...echo, ...both];
}

function isOwn(address: string): boolean {
  return NODE.addresses.some((own) => own === address);
}

async function startAgent(): Promise<void> {
  agent = startKnat(arguments_, { executable: 'knat' });
  await agent.errorsHave('"programmed"');
}

async function endAgent(how: NodeJS.Signals): Promise<void> {
  agent.process.kill(how);
  await agent.ended;
}

/** Waits until the kernel equals the plan that is made from the server's objects from scratch; returns that plan. */
async function expectProgrammed(what: string): Promise<{ plan: NatPlan; node: NodeFacts }> {
  const facts = await factsOfServer(client, NODE.name);
  const source = {
    name: 'test',
    run: async (sink: { apply: (changes: typeof facts) => void; synced: () => void }) => {
      sink.apply(facts);
      sink.synced();
    },
  };
  const settings = { nodeName: NODE.name, nodeConfig, plan: defaultPlanOptions, source };
  listeners.look();
  const { planner } = await planOnce(settings, addresses.current(), signal, takenPortsOf([listeners]));
  const differences = async () => {
    const { skeleton, changes } = await packets.datapath.preview(planner.plan, signal);
    return [skeleton, ...changes.map((change) => `${change.what} ${change.element}`)].join('\n');
  };
  await until(differences, (text) => text === 'kept', PATIENCE).catch(() => {});
  expect(await differences(), `${what}: kernel and plan`).toBe('kept');
  return { plan: planner.plan, node: planner.node };
}

/** Checks that kernel, explain and the agent's own explain agree about random packets. */
async function expectAgreement(what: string, choices: readonly PacketChoice[]): Promise<number> {
  const { plan, node } = await expectProgrammed(what);
  const all = packetsOf({ node, choices }, plan).filter(
    (packet) => packet.protocol !== 'SCTP' && !isOfScene(packet) && !endsOnNode(plan, node, packet),
  );
  expect(await kernelDisagreements(packets, plan, node, all), what).toEqual([]);
  for (const packet of all) {
    const { source, address, protocol, port } = packet;
    const question = {
      from: source,
      to: formatEndpoint(address, port),
      proto: protocol,
      interface: packets.inputInterface(source),
    };
    const { verdict, paths } = walkJson(walkOf(plan, node, packet));
    const wanted = JSON.stringify({ verdict, paths });
    // The last change may be one that the kernel does not show.
    const reported = async () => {
      const said = await askAgent('/explain', question);
      return JSON.stringify({ verdict: said.verdict, paths: said.paths });
    };
    await until(reported, (text) => text === wanted, PATIENCE).catch(() => {});
    expect(JSON.parse(await reported()), `${what}: ${JSON.stringify(question)}`).toEqual(JSON.parse(wanted));
  }
  return all.length;
}

function walkOf(plan: NatPlan, node: NodeFacts, { source, address, protocol, port }: Dialled): Walk {
  const inputInterface = packets.inputInterface(source);
  const by = inputInterface === undefined ? {} : { inputInterface };
  return walk(plan, node, { source, destination: address, protocol, port: portOf(port), ...by });
}

/** Link-local addresses belong to the cables of the scene; the endpoints of the anchor say nothing by themselves. */
function isOfScene({ source, address }: Dialled): boolean {
  return source.startsWith('fe80:') || address.startsWith('fe80:') || address === ANCHOR_IP;
}

/** To a port of the node without an owner: the connection is refused. */
function endsOnNode(plan: NatPlan, node: NodeFacts, packet: Dialled): boolean {
  return isOwn(packet.address) && ['none', 'snat'].includes(walkOf(plan, node, packet).verdict);
}

/** Faults of agent or server; `meanwhile` runs during the fault. */
const strikes: Readonly<Record<string, (meanwhile: () => Promise<void>) => Promise<void>>> = {
  'the agent is ended and started': async (meanwhile) => {
    await endAgent('SIGTERM');
    await meanwhile();
    await startAgent();
  },
  'the agent is killed and started': async (meanwhile) => {
    await endAgent('SIGKILL');
    await meanwhile();
    await startAgent();
  },
  'connections break': async (meanwhile) => {
    gate.cut();
    await meanwhile();
  },
  'versions are forgotten while the server is out of reach': async (meanwhile) => {
    gate.bar();
    await meanwhile();
    await stage.cluster.compact();
    gate.unbar();
  },
  'the server is killed and started': async (meanwhile) => {
    gate.bar();
    await meanwhile();
    await stage.cluster.restart('SIGKILL');
    gate.unbar();
  },
  'the token ends, and another stands in its file': async (meanwhile) => {
    const next = `token-${Math.random().toString(36).slice(2)}`;
    await stage.cluster.replaceToken(next);
    const { passed } = gate;
    gate.cut();
    await meanwhile();
    // It came with the old one.
    await untilPassed(passed + 1);
    writeFileSync(token, next);
  },
};

test(
  'random objects, strikes and packets',
  async () => {
    const drawn = fc.sample(
      fc.record({
        changes: fc.array(kubeChange, { minLength: CHANGES, maxLength: CHANGES }),
        choices: fc.array(packetChoice, { minLength: PACKETS, maxLength: PACKETS }),
      }),
      2 * ROUNDS * Object.keys(strikes).length,
    );
    const apply = async (changes: readonly KubeChange[]) => {
      for (const change of changes) await askFor(client, change);
    };
    const release = await packets.hold({
      source: ip('198.51.100.9'),
      address: ANCHOR_IP,
      protocol: 'TCP',
      port: 7,
    });
    let sent = 0;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        for (const [what, strike] of Object.entries(strikes)) {
          const [calm, stormy] = drawn.splice(0, 2);
          if (calm === undefined || stormy === undefined) throw new RangeError('not enough was drawn');
          await apply(calm.changes);
          sent += await expectAgreement(`before ${what}`, calm.choices);
          if (!isShort) await expectNothingWritten(what, strike);
          await strike(() => apply(stormy.changes));
          sent += await expectAgreement(what, stormy.choices);
        }
      }
    } finally {
      expectUnbroken(await release());
    }
    console.info(`${sent} packets, ${gate.passed} connections to the ${stage.cluster.kind}`);
    expect(sent).toBeGreaterThan(5 * ROUNDS * Object.keys(strikes).length);
  },
  ROUNDS * (isReal ? 600_000 : 300_000),
);

/** Only the fault, without a change: a running agent writes nothing, a new one finds nothing to write. */
async function expectNothingWritten(what: string, strike: (typeof strikes)[string]): Promise<void> {
  const { processId } = await askAgent('/status');
  const { passed } = gate;
  const { id } = kernel.generation();
  await strike(async () => {});
  // Each kind has a connection of its own, and comes back when it can.
  await untilPassed(passed + 4);
  await expectProgrammed(`${what}, and nothing else`);
  const status = await askAgent('/status');
  if (status.processId === processId) {
    expect(kernel.generation().id, `${what}: generation of the ruleset`).toBe(id);
  } else {
    const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
    expect(status.programmed, what).toMatchObject(nothing);
  }
}

/** Waits until the gate has let so many connections through. */
async function untilPassed(count: number): Promise<void> {
  await until(
    () => gate.passed,
    (passed) => passed >= count,
    PATIENCE,
  );
}

function expectUnbroken(report: HoldReport): void {
  expect(report).toMatchObject({ ended: null });
  expect(report.sent).toBeGreaterThan(50);
  expect(report.sent - report.answers).toBeLessThan(10);
}
