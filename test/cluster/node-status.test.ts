import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NodeNat } from '../../src/crds/node-nat.ts';
import type { Finding } from '../../src/model/finding.ts';
import { fixedAccount as account, fixedBinding, fixedProgrammed as programmed } from './accounts.ts';
import { agentRole, agentRules, rulesWithout } from './agent-role.ts';
import { node, pod, service } from './manifests.ts';
import { until } from './recorder.ts';
import { Stage } from './stage.ts';
import { isReal, startCluster, unlessSimulated } from './start-cluster.ts';
import { NODE_NAT, nodeNatDefinition, ReporterRun, writesSince } from './status-stage.ts';

/** The agent's reports to a cluster: the same on the simulator and on a real API server. */

const rejected: Finding = {
  code: 'KNAT_PORT_INVALID',
  severity: 'error',
  origin: 'kubernetes',
  object: { kind: 'Service', namespace: 'shop', name: 'web' },
  field: 'spec.ports[0].port',
  message: 'must be a port',
};

let stage: Stage;
const running: ReporterRun[] = [];

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.create(nodeNatDefinition);
  await stage.client.create(service('web'));
  await stage.client.create(pod('mail', 'node-a'));
  await until(
    async () => (await stage.client.request('GET', '/apis/knat.dev/v1/nodenats')).status,
    (status) => status === 200,
  );
}, 180_000);

beforeEach(async () => {
  await stage.client.put(agentRole());
  await stage.client.put(node('node-a', '192.0.2.1'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await stage.client.request('DELETE', NODE_NAT);
  if (stage.cluster.simulator !== null) stage.cluster.simulator.garbage.isPaused = false;
  stage.cluster.simulator?.faults.clear();
});

afterAll(async () => {
  await stage.close();
});

async function start(...rest: Parameters<typeof ReporterRun.start> extends [Stage, ...infer R] ? R : never) {
  const run = await ReporterRun.start(stage, ...rest);
  running.push(run);
  return run;
}

async function read(): Promise<NodeNat & { metadata: { ownerReferences?: object[] } }> {
  return (await stage.client.request('GET', NODE_NAT)).body as never;
}

async function edit(): Promise<void> {
  const changed = { status: { mode: 'iptables' } };
  await stage.client.request('PATCH', `${NODE_NAT}/status`, changed, 'application/merge-patch+json');
}

async function written(what: (object: NodeNat) => boolean) {
  return await until(
    read,
    (object) => object.kind === 'NodeNAT' && object.status !== undefined && what(object),
  );
}

const condition = ({ status }: NodeNat, type: string) =>
  status?.conditions.find((each) => each.type === type);

describe('NodeNAT', () => {
  test('is created, owned by the Node, with counts and conditions', async () => {
    await start(account);
    const object = await written(() => true);
    const { uid } = (await stage.client.request('GET', '/api/v1/nodes/node-a')).body.metadata;
    expect(object.metadata.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid },
    ]);
    expect(object.status).toMatchObject({
      node: 'node-a',
      version: '0.1.0',
      mode: 'nftables',
      kernel: '6.12.0',
      enabled: ['service', 'pod'],
      counts: { services: 2, frontends: 3, pools: 1, conflicts: 0, rejected: 0 },
      conditions: [
        { type: 'Synced', status: 'True', reason: 'InSync', observedGeneration: 1 },
        { type: 'Programmed', status: 'True', reason: 'Matches', observedGeneration: 1 },
        { type: 'Degraded', status: 'False', reason: 'NothingToMend', observedGeneration: 1 },
        { type: 'ServiceNAT', status: 'True', reason: 'ByKnat', observedGeneration: 1 },
      ],
    });
  });

  test('is written once for a change, and not when nothing changed', async () => {
    const run = await start(account);
    await written(() => true);
    const from = stage.cluster.simulator?.requests.length ?? 0;
    for (let i = 0; i < 20; i++) run.tell({ ...account, problems: [] });
    await run.settled();
    if (!isReal) expect(writesSince(stage, from)).toEqual([]);
    run.tell({ ...account, programmed: { ...programmed, counts: { ...programmed.counts, frontends: 4 } } });
    await written(({ status }) => status?.counts.frontends === 4);
    run.tell(run.account);
    await run.settled();
    if (!isReal) expect(writesSince(stage, from)).toEqual([`PATCH ${NODE_NAT}/status`]);
  });

  test('many changes in a row are few writes, and the last one is in the object', async () => {
    const run = await start(account);
    await written(() => true);
    const from = stage.cluster.simulator?.requests.length ?? 0;
    const startedAt = performance.now();
    for (let frontends = 1; frontends <= 50; frontends++) {
      run.tell({ ...account, programmed: { ...programmed, counts: { ...programmed.counts, frontends } } });
      await sleep(2);
    }
    await written(({ status }) => status?.counts.frontends === 50);
    // The test's clock makes 50 ms of the interval of 5 s.
    const intervals = Math.ceil((performance.now() - startedAt) / 50);
    if (!isReal) expect(writesSince(stage, from).length).toBeLessThanOrEqual(intervals + 1);
  });

  test('a condition keeps its time of transition while its status is the same', async () => {
    const run = await start(account);
    const before = condition(await written(() => true), 'Programmed');
    run.wallClock = new Date(Date.now() + 10_000);
    run.tell({ ...account, failure: 'the kernel is busy' });
    const failing = condition(
      await written((object) => condition(object, 'Programmed')?.status === 'False'),
      'Programmed',
    );
    expect(failing).toMatchObject({ reason: 'KernelRefused', message: 'the kernel is busy' });
    expect(failing?.lastTransitionTime).not.toBe(before?.lastTransitionTime);
    const synced = condition(await read(), 'Synced');
    expect(synced?.lastTransitionTime).toBe(before?.lastTransitionTime);
    run.wallClock = new Date(Date.now() + 20_000);
    run.tell({ ...account, failure: 'the kernel is still busy' });
    const later = await written(
      (object) => condition(object, 'Programmed')?.message.includes('still') === true,
    );
    expect(condition(later, 'Programmed')?.lastTransitionTime).toBe(failing?.lastTransitionTime);
  });

  test('conflicts and rejected objects appear with their owners, and vanish', async () => {
    const run = await start(account);
    await written(() => true);
    const conflict = {
      code: 'NatConflict',
      key: '192.0.2.1:25/TCP',
      winner: { kind: 'Service', namespace: 'shop', name: 'web' },
      losers: [{ kind: 'Pod', namespace: 'shop', name: 'mail' }],
      because: 'a Service comes before Pods',
    } as const;
    run.tell({
      ...account,
      programmed: { ...programmed, counts: { ...programmed.counts, conflicts: 1 }, conflicts: [conflict] },
      problems: [rejected],
    });
    const object = await written(({ status }) => status?.counts.conflicts === 1);
    const { code, ...claim } = conflict;
    expect(object.status).toMatchObject({
      conflicts: [{ reason: code, ...claim }],
      rejected: [
        {
          object: { kind: 'Service', namespace: 'shop', name: 'web' },
          reason: 'NatInvalid',
          code: 'KNAT_PORT_INVALID',
          field: 'spec.ports[0].port',
          message: 'must be a port',
        },
      ],
      counts: { conflicts: 1, rejected: 1 },
    });
    expect(condition(object, 'Degraded')).toMatchObject({
      status: 'True',
      reason: 'ObjectsRejected',
      message: 'not all of their NAT is done: Service shop/web',
    });
    run.tell(account);
    const mended = await written(({ status }) => status?.counts.conflicts === 0);
    expect(mended.status).toMatchObject({ conflicts: [], rejected: [], counts: { rejected: 0 } });
    expect(condition(mended, 'Degraded')?.status).toBe('False');
  });

  test('an agent that has programmed nothing yet keeps the content of the object, and reports that', async () => {
    const first = await start(account);
    await written(() => true);
    await first.stop();
    const trouble = {
      ...rejected,
      object: null,
      message: 'the API server is away',
      code: 'KNAT_API_UNAVAILABLE',
    };
    await start({ ...account, synced: false, programmed: null, problems: [trouble] });
    const object = await written((each) => condition(each, 'Synced')?.status === 'False');
    expect(object.status?.counts).toMatchObject({ services: 2, frontends: 3 });
    expect(condition(object, 'Programmed')).toMatchObject({ status: 'Unknown', reason: 'NotYet' });
    expect(condition(object, 'Degraded')).toMatchObject({
      status: 'True',
      reason: 'SourceTrouble',
      message: 'the API server is away (KNAT_API_UNAVAILABLE)',
    });
  });

  test('a restarted agent that finds all as it was writes nothing', async () => {
    const first = await start(account);
    await written(() => true);
    await first.stop();
    const from = stage.cluster.simulator?.requests.length ?? 0;
    const second = await start(account);
    await until(
      () => second.outcomes,
      (outcomes) => outcomes.length > 0,
    );
    if (!isReal) expect(writesSince(stage, from)).toEqual([]);
  });

  test('an object that was removed or edited is written again', async () => {
    const run = await start(account);
    await written(() => true);
    await stage.client.request('DELETE', NODE_NAT);
    run.tell({ ...account, version: '0.1.1' });
    await written(({ status }) => status?.version === '0.1.1');
    expect(run.troubles.size).toBe(0);
    // The look after ten minutes never comes here: only the watch can have shown the edit.
    await edit();
    await until(read, ({ status }) => status?.mode === 'nftables');
  });

  test('repeated edits do not make the agent write without pause', async () => {
    await start(account);
    await written(() => true);
    const from = stage.cluster.simulator?.requests.length ?? 0;
    const begun = performance.now();
    for (let edits = 0; edits < 200; edits++) {
      await edit();
      await sleep(5);
    }
    const minutes = (performance.now() - begun) / 600; // of the test's clock
    const writes = stage.cluster.simulator?.requests
      .slice(from)
      .filter((line) => line.startsWith('PATCH') && line.includes('force'));
    // At once, then after 4, 8, 15, 30 s, then every minute.
    if (!isReal) expect(writes?.length).toBeLessThan(7 + minutes);
  });

  test('without the right to watch it, an edited object is written again after about a minute', async () => {
    const watchless = agentRules.map((rule) =>
      rule.resources.includes('nodenats') ? { ...rule, verbs: ['get', 'create', 'patch'] } : rule,
    );
    await stage.client.put(agentRole(watchless));
    const run = await start(account);
    await written(() => true);
    await until(
      () => run.debug,
      (lines) => lines.some((line) => line.includes('NodeNAT: watch')),
    );
    await edit();
    await until(read, ({ status }) => status?.mode === 'nftables');
    expect(run.troubles.size).toBe(0);
  });

  describe.skipIf(unlessSimulated('garbage collection', 'it has no controller manager'))(
    'the Node is deleted and registered again',
    () => {
      const uidOfNode = async () =>
        (await stage.client.request('GET', '/api/v1/nodes/node-a')).body.metadata?.uid ?? null;
      const owners = async () => (await read()).metadata?.ownerReferences;
      const ownedBy = (uid: string | null) => [{ apiVersion: 'v1', kind: 'Node', name: 'node-a', uid }];

      test('the garbage collector removes the NodeNAT; it is back at once, owned by the new Node', async () => {
        const run = await start(account);
        run.nodeIs(await uidOfNode());
        await written(() => true);
        await stage.client.remove(node('node-a', '192.0.2.1'));
        run.nodeIs(null);
        await until(
          async () => (await stage.client.request('GET', NODE_NAT)).status,
          (status) => status === 404,
        );
        // Waits after failures grow to a minute of the test's clock.
        await until(
          () => run.outcomes.filter((outcome) => outcome === 'failed'),
          (failures) => failures.length >= 5,
        );
        await stage.client.put(node('node-a', '192.0.2.1'));
        const uid = await uidOfNode();
        run.nodeIs(uid);
        await until(owners, (found) => JSON.stringify(found) === JSON.stringify(ownedBy(uid)));
        await until(
          () => run.troubles.size,
          (size) => size === 0,
        );
      });

      test('before the garbage collector looks, the NodeNAT gets the new owner, and stays', async () => {
        const { garbage } = stage.cluster.simulator ?? {};
        if (garbage === undefined) throw new Error('no simulator');
        const run = await start(account);
        run.nodeIs(await uidOfNode());
        const { uid: before } = (await written(() => true)).metadata as unknown as { uid: string };
        garbage.isPaused = true;
        await stage.client.remove(node('node-a', '192.0.2.1'));
        await stage.client.put(node('node-a', '192.0.2.1'));
        const uid = await uidOfNode();
        run.nodeIs(uid);
        await until(owners, (found) => JSON.stringify(found) === JSON.stringify(ownedBy(uid)));
        garbage.isPaused = false;
        garbage.look();
        expect((await read()).metadata).toMatchObject({ uid: before, ownerReferences: ownedBy(uid) });
        expect(run.troubles.size).toBe(0);
      });

      test('if the agent was away, it finds the NodeNAT with the old owner, and sets the new one', async () => {
        const { garbage } = stage.cluster.simulator ?? {};
        if (garbage === undefined) throw new Error('no simulator');
        const first = await start(account);
        await written(() => true);
        await first.stop();
        garbage.isPaused = true;
        await stage.client.remove(node('node-a', '192.0.2.1'));
        await stage.client.put(node('node-a', '192.0.2.1'));
        const uid = await uidOfNode();
        const second = await start(account);
        second.nodeIs(uid);
        await until(owners, (found) => JSON.stringify(found) === JSON.stringify(ownedBy(uid)));
        garbage.isPaused = false;
      });
    },
  );

  test('no Node of this name: nothing is created, and the trouble is reported until there is one', async () => {
    await stage.client.remove(node('node-a', '192.0.2.1'));
    const run = await start(account);
    const trouble = await until(
      () => run.troubles.get('KNAT_NODE_STATUS_UNWRITTEN'),
      (text) => text !== undefined,
    );
    expect(trouble).toContain('the cluster has no Node "node-a": is --node right?');
    expect((await stage.client.request('GET', NODE_NAT)).status).toBe(404);
    await stage.client.put(node('node-a', '192.0.2.1'));
    await written(() => true);
    await until(
      () => run.troubles.size,
      (size) => size === 0,
    );
  });

  test('no rights: reported with the missing right, and written once it is given', async () => {
    await stage.client.put(agentRole(rulesWithout('nodenats/status')));
    const run = await start(account);
    const trouble = await until(
      () => run.troubles.get('KNAT_NODE_STATUS_UNWRITTEN'),
      (text) => text !== undefined,
    );
    expect(trouble).toContain('patch on "nodenats/status" of API group "knat.dev"');
    await stage.client.put(agentRole());
    await written(() => true);
    await until(
      () => run.troubles.size,
      (size) => size === 0,
    );
  });

  test('no such kind in the cluster: reported, and written once it exists', async () => {
    await stage.client.remove(nodeNatDefinition);
    const run = await start(account);
    const trouble = await until(
      () => run.troubles.get('KNAT_NODE_STATUS_UNWRITTEN'),
      (text) => text !== undefined,
    );
    expect(trouble).toContain('install the CustomResourceDefinitions of knat');
    await stage.client.create(nodeNatDefinition);
    await written(() => true);
  });

  test('after an outage of the server the newest account is written', async () => {
    const run = await start(account);
    await written(() => true);
    const restarted = stage.cluster.restart();
    run.tell({ ...account, version: '0.1.2' });
    run.tell({ ...account, version: '0.1.3' });
    await restarted;
    await written(({ status }) => status?.version === '0.1.3');
    await until(
      () => run.troubles.size,
      (size) => size === 0,
    );
  });

  test.skipIf(unlessSimulated('429 with Retry-After', 'it is not busy on demand'))(
    'a server that is busy is asked again after the time that it names',
    async () => {
      const { simulator } = stage.cluster;
      const run = await start(account);
      await written(() => true);
      simulator?.faults.refuse(3, (kinds) => kinds.tooManyRequests(1), { plural: 'nodenats' });
      run.tell({ ...account, version: '0.1.4' });
      await written(({ status }) => status?.version === '0.1.4');
      await until(
        () => run.troubles.size,
        (size) => size === 0,
      );
    },
  );

  test('a node with more of everything than fits is cut, the counts are not', async () => {
    const many = Array.from({ length: 700 }, (_, index) => fixedBinding(1000 + index));
    const problems = Array.from({ length: 300 }, (_, index) => ({
      ...rejected,
      object: { kind: 'Service', namespace: 'shop', name: `web-${index}` } as const,
      message: 'x'.repeat(3000),
    }));
    await start({
      ...account,
      programmed: { ...programmed, counts: { ...programmed.counts, bindings: 700 }, bindings: many },
      problems,
    });
    const { status } = await written(() => true);
    expect(status?.counts).toMatchObject({ bindings: 700, rejected: 300 });
    expect(status?.bindings).toHaveLength(500);
    expect(status?.rejected).toHaveLength(100);
    expect(status?.rejected?.[0]?.message).toHaveLength(1024);
    const degraded = status?.conditions.find(({ type }) => type === 'Degraded');
    expect(degraded?.message).toMatch(/Service shop\/web-0, .* and 295 more$/);
    expect(JSON.stringify(status).length).toBeLessThan(1024 * 1024);
  });
});
