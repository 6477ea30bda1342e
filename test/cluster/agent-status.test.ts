import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import type { CompanionFactory } from '../../src/agent/companion.ts';
import { clusterStatus } from '../../src/agent/companions/cluster.ts';
import { healthEndpoints } from '../../src/agent/companions/health.ts';
import { publishedState } from '../../src/agent/companions/published-state.ts';
import type { Datapath, Report } from '../../src/datapath/datapath.ts';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { kubeSource } from '../../src/sources/kube/kube-source.ts';
import type { Manifest } from './cluster-client.ts';
import { node, pod, service } from './manifests.ts';
import { until } from './recorder.ts';
import { QUICK, Stage } from './stage.ts';
import { startCluster, unlessSimulated } from './start-cluster.ts';
import { eventsOf, NODE_NAT, nodeNatDefinition } from './status-stage.ts';

/** The whole agent, without a kernel: its reports to the cluster and on the health endpoints. */

let stage: Stage;
const stop: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.create(nodeNatDefinition);
  await stage.client.create(node('node-a', '203.0.113.7'));
  await until(
    async () => (await stage.client.request('GET', '/apis/knat.dev/v1/nodenats')).status,
    (status) => status === 200,
  );
}, 180_000);

afterEach(async () => {
  for (const each of stop.splice(0)) await each();
});

afterAll(async () => {
  await stage.close();
});

/** A kernel that takes everything, or nothing while `refusal` is set. */
class FakeKernel {
  refusal: string | null = null;
  converged = 0;

  readonly datapath = {
    probe: async () => ({ kernel: '6.12.0' }),
    converge: async (plan: NatPlan): Promise<Report> => {
      if (this.refusal !== null) throw new Error(this.refusal);
      this.converged++;
      const skeleton = this.converged === 1 ? 'loaded' : 'kept';
      const written = { revision: plan.revision, skeleton, elementsAdded: 1, elementsDeleted: 0 } as const;
      return { ...written, compared: 'everything', gone: null, changedSources: null, refused: [] };
    },
    watch: () => () => {},
  } as unknown as Datapath;
}

async function startAgent(
  kernel: FakeKernel,
  port: number,
  more: readonly CompanionFactory[] = [],
): Promise<Agent> {
  const access = { kubeconfig: stage.kubeconfig, environment: {} };
  const surroundings = {
    now: () => performance.now(),
    random: () => 0.5,
    wallClock: () => new Date(),
    sleep: async (milliseconds: number, signal: AbortSignal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
  };
  const options = { nodeName: 'node-a', enable: { service: true, pod: true, egress: true } };
  const agent = new Agent({
    settings: {
      nodeName: 'node-a',
      nodeConfig: {},
      plan: defaultPlanOptions,
      source: kubeSource({ ...options, access, timings: QUICK }),
      cluster: access,
    },
    datapath: kernel.datapath,
    host: [],
    interfaces: { current: () => null, watch: () => () => {} } as never,
    guard: null,
    logger: pino({ level: 'silent' }),
    surroundings,
    version: '0.1.0',
    processId: 1,
    companions: [
      healthEndpoints({ host: '127.0.0.1', port }),
      clusterStatus({
        client: new ApiClient(await openAccess(access), surroundings),
        nodeStatus: true,
        events: true,
      }),
      ...more,
    ],
  });
  const ending = new AbortController();
  const ended = agent.run(ending.signal);
  stop.push(async () => {
    ending.abort();
    await ended;
  });
  return agent;
}

async function health(port: number, path: string): Promise<number> {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  } catch {
    return 0;
  }
}

const nodeNat = async () => (await stage.client.request('GET', NODE_NAT)).body as never;
const statusOf = (object: {
  status?: { counts?: object; conditions?: { type: string; status: string }[] };
}) => object.status;

test('from objects to NodeNAT, Events and health, and back', async () => {
  const kernel = new FakeKernel();
  kernel.refusal = 'not now';
  const port = 21_000 + (process.pid % 10_000);
  const agent = await startAgent(kernel, port);
  await until(
    () => health(port, '/livez'),
    (status) => status === 200,
  );
  expect(await health(port, '/readyz')).toBe(503);
  await until(nodeNat, (object) =>
    Boolean(
      statusOf(object)?.conditions?.some((each) => each.type === 'Programmed' && each.status === 'False'),
    ),
  );
  kernel.refusal = null;
  await until(
    () => health(port, '/readyz'),
    (status) => status === 200,
  );
  expect(await health(port, '/healthz')).toBe(200);

  await stage.client.create(service('web'));
  const annotation = '{"entries":[{"srcPort":25,"dstPort":25}]}';
  const mail = pod('mail', 'node-a', annotation);
  const status = {
    podIP: '10.244.1.5',
    podIPs: [{ ip: '10.244.1.5' }],
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  await stage.client.create({ ...mail, status });
  const [event] = await until(
    () => eventsOf(stage, 'mail'),
    (events) => events.length === 1,
    15_000,
  );
  expect(event).toMatchObject({ reason: 'NatApplied', note: '203.0.113.7:25/TCP goes to 10.244.1.5:25' });
  await until(nodeNat, (object) => JSON.stringify(statusOf(object)?.counts).includes('"bindings":1'), 15_000);

  const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
  await stage.client.put({ ...node('node-a', '203.0.113.7'), spec: { taints } });
  await until(
    () => health(port, '/healthz'),
    (answer) => answer === 503,
  );
  expect(await health(port, '/readyz')).toBe(200);
  expect(agent.status().problems).toEqual([]);
}, 60_000);

test('refused EgressRules: Events on them and rows of the NodeNAT, until they are mended', async () => {
  await stage.client.define('knat.dev', 'v1', 'egressrules', 'EgressRule');
  const rule = (name: string, spec: object): Manifest => ({
    apiVersion: 'knat.dev/v1',
    kind: 'EgressRule',
    metadata: { name },
    spec: { ...spec },
  });
  const away = { action: 'Snat', addresses: ['203.0.113.99'] };
  await stage.client.create({
    ...pod('web', 'node-a'),
    status: { podIP: '10.244.1.6', podIPs: [{ ip: '10.244.1.6' }], phase: 'Running' },
  });
  const ofPods = { podSelector: {} };
  await stage.client.create(rule('elsewhere', { from: ofPods, ...away }));
  await stage.client.create(rule('held-back', { from: ofPods, ...away, fallback: 'drop' }));
  await stage.client.create(rule('no-pool', { from: { pools: ['atlantis'] }, action: 'Masquerade' }));
  await stage.client.create(rule('broken', { action: 'Snat' }));
  const all = ['broken', 'elsewhere', 'held-back', 'no-pool'];
  stop.push(async () => {
    for (const name of all) await stage.client.remove(rule(name, {}));
  });
  const agent = await startAgent(new FakeKernel(), 0);

  const [elsewhere, heldBack, noPool, broken] = await Promise.all(
    ['elsewhere', 'held-back', 'no-pool', 'broken'].map(async (name) => {
      const [event, ...more] = await until(
        () => eventsOf(stage, name),
        (events) => events.length > 0,
        15_000,
      );
      expect(more).toEqual([]);
      expect(event).toMatchObject({
        reason: 'NatInvalid',
        type: 'Warning',
        metadata: { namespace: 'default' },
        regarding: { kind: 'EgressRule', apiVersion: 'knat.dev/v1', name },
      });
      return String(event?.note);
    }),
  );
  expect(elsewhere).toContain('node node-a has none of its addresses');
  expect(elsewhere).toContain('is masqueraded');
  expect(heldBack).toContain('is dropped');
  expect(noPool).toBe('there is no IPPool atlantis: correct spec.from.pools');
  expect(broken).toContain('Snat needs at least one address to leave with');
  const rejected = (object: { status?: { rejected?: { object: { kind: string; name: string } }[] } }) =>
    [
      ...new Set((object.status?.rejected ?? []).map(({ object: { kind, name } }) => `${kind} ${name}`)),
    ].sort();
  const reported = all.map((name) => `EgressRule ${name}`);
  await until(nodeNat, (object) => rejected(object).join() === reported.join(), 15_000);

  const fixed = { action: 'Snat', addresses: ['203.0.113.7'] };
  for (const name of all) await stage.client.put(rule(name, { from: {}, ...fixed }));
  await until(nodeNat, (object) => rejected(object).length === 0, 15_000);
  expect([agent.status().problems, agent.status().notices]).toEqual([[], []]);
}, 60_000);

test('a server that accepts no writes stops nothing, and the status reports it', async () => {
  await stage.client.remove(nodeNatDefinition);
  const kernel = new FakeKernel();
  let asked = 0;
  const silent = {
    name: 'a store that never answers',
    read: () => {
      asked++;
      return new Promise<null>(() => {});
    },
    write: () => new Promise<void>(() => {}),
  };
  const agent = await startAgent(kernel, 0, [publishedState('webdav', silent)]);
  const { metrics } = agent.observations;
  await until(
    () => agent.status().problems.map(({ code }) => code),
    (codes) => codes.includes('KNAT_NODE_STATUS_UNWRITTEN'),
  );
  const converged = await until(
    () => kernel.converged,
    (count) => count > 0,
  );
  await stage.client.put(service('later'));
  await until(
    () => kernel.converged,
    (count) => count > converged,
  );
  expect(asked).toBe(1);
  const failing = (await metrics.text()).body;
  expect(failing).toMatch(/^knat_state_failures_total\{store="crd"\} [1-9]/m);
  expect(failing).toMatch(/^knat_state_last_success_timestamp_seconds\{store="crd"\} 0$/m);
  expect(failing).toMatch(/^knat_state_last_success_timestamp_seconds\{store="webdav"\} 0$/m);
  expect(failing).not.toContain('timestamp_seconds{store="configmap"}');
  await stage.client.create(nodeNatDefinition);
  await until(
    () => agent.status().problems,
    (problems) => problems.length === 0,
  );
  await until(
    async () => (await metrics.text()).body,
    (text) => /^knat_state_writes_total\{store="crd"\} [1-9]/m.test(text),
  );
  const [, seconds] = /timestamp_seconds\{store="crd"\} (\S+)$/m.exec((await metrics.text()).body) ?? [];
  expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
}, 60_000);

test.skipIf(unlessSimulated('garbage collection', 'it has no controller manager'))(
  'the Node is deleted and registered again: the NodeNAT is back at once',
  async () => {
    const kernel = new FakeKernel();
    await startAgent(kernel, 10_298);
    const owner = async () => {
      const { metadata } = (await stage.client.request('GET', NODE_NAT)).body;
      return (metadata?.ownerReferences as { uid: string }[] | undefined)?.[0]?.uid;
    };
    const uid = async () => (await stage.client.request('GET', '/api/v1/nodes/node-a')).body.metadata?.uid;
    const before = await uid();
    await until(owner, (found) => found === before);
    await stage.client.remove(node('node-a', '203.0.113.7'));
    await stage.client.create(node('node-a', '203.0.113.7'));
    const now = await uid();
    expect(now).not.toBe(before);
    await until(owner, (found) => found === now, 5_000);
  },
);
