import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Finding, findingOf } from '../../src/model/finding.ts';
import type { Conflict } from '../../src/plan/claims.ts';
import type { PodBinding } from '../../src/plan/entry.ts';
import type { NodeAccount, Programmed } from '../../src/status/kube/account.ts';
import { fixedAccount, fixedBinding, fixedProgrammed } from './accounts.ts';
import { agentRole, rulesWithout } from './agent-role.ts';
import { node, pod, pool, service } from './manifests.ts';
import { until } from './recorder.ts';
import type { ApiObject } from './simulator/objects.ts';
import { Stage } from './stage.ts';
import { isReal, startCluster } from './start-cluster.ts';
import { eventsOf, NODE_NAT, nodeNatDefinition, ReporterRun, writesSince } from './status-stage.ts';

/** Events on objects: the same on the simulator and on a real API server. */

let stage: Stage;
let podUid = '';
const running: ReporterRun[] = [];

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.put(node('node-a', '192.0.2.1'));
  await stage.client.create(nodeNatDefinition);
  await stage.client.define('crd.projectcalico.org', 'v1', 'ippools', 'IPPool');
  await stage.client.create(service('web'));
  await stage.client.create(pool('inner', '10.1.0.0/16'));
  podUid = (await stage.client.create(pod('mail', 'node-a'))).metadata.uid ?? '';
  await until(
    async () => (await stage.client.request('GET', '/apis/knat.dev/v1/nodenats')).status,
    (status) => status === 200,
  );
}, 180_000);

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await stage.client.request('DELETE', NODE_NAT);
  for (const { metadata } of await stage.client.list('/apis/events.k8s.io/v1/events')) {
    const path = `/apis/events.k8s.io/v1/namespaces/${metadata.namespace}/events/${metadata.name}`;
    await stage.client.request('DELETE', path);
  }
  await stage.client.put(agentRole());
  stage.cluster.simulator?.faults.clear();
});

afterAll(async () => {
  await stage.close();
});

async function start(account: NodeAccount, uids: Readonly<Record<string, string>> = {}) {
  const run = await ReporterRun.start(stage, account, { uids });
  running.push(run);
  return run;
}

function withBindings(...bindings: readonly PodBinding[]): NodeAccount {
  return withProgrammed({ bindings, counts: { ...fixedProgrammed.counts, bindings: bindings.length } });
}

function withProgrammed(some: Partial<Programmed>): NodeAccount {
  return { ...fixedAccount, programmed: { ...fixedProgrammed, ...some } };
}

async function eventsAbout(name: string, count: number): Promise<ApiObject[]> {
  return await until(
    () => eventsOf(stage, name),
    (events) => events.length === count,
  );
}

const seriesCount = ({ series }: ApiObject) => (series as { count?: number } | undefined)?.count ?? 1;

const conflict: Conflict = {
  code: 'NatConflict',
  key: '192.0.2.1:25/TCP',
  winner: { kind: 'Service', namespace: 'shop', name: 'web' },
  losers: [{ kind: 'Pod', namespace: 'shop', name: 'mail' }],
  because: 'a Service comes before Pods',
};

const invalid: Finding = {
  code: 'KNAT_PORT_INVALID',
  severity: 'error',
  origin: 'kubernetes',
  object: { kind: 'Service', namespace: 'shop', name: 'web' },
  field: 'spec.ports[0].port',
  message: 'must be a port',
};

describe('Events', () => {
  test('a Pod gets an Event when its bindings are programmed, with every field that the server requires', async () => {
    const uid = '0b5a7b7e-0000-4000-8000-000000000001';
    await start(withBindings(fixedBinding(25), fixedBinding(587)), { 'Pod shop/mail': uid });
    const [event] = await eventsAbout('mail', 1);
    expect(event).toMatchObject({
      reason: 'NatApplied',
      type: 'Normal',
      action: 'Program',
      reportingController: 'knat.dev/agent',
      reportingInstance: 'node-a',
      note: '192.0.2.1:25/TCP goes to 10.1.0.5:25; 192.0.2.1:587/TCP goes to 10.1.0.5:587',
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'mail', uid },
    });
    expect(event?.eventTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  test('the loser of a conflict gets an Event that names the owner; an unknown uid is looked up', async () => {
    await start(withProgrammed({ conflicts: [conflict] }));
    const [event] = await eventsAbout('mail', 1);
    expect(event).toMatchObject({
      reason: 'NatConflict',
      type: 'Warning',
      note: '192.0.2.1:25/TCP belongs to Service shop/web: a Service comes before Pods',
      regarding: { kind: 'Pod', uid: podUid },
    });
    expect(await eventsOf(stage, 'web')).toEqual([]);
  });

  test('a Service that cannot be read, and a pool that another overrides', async () => {
    const inner = { kind: 'IPPool', namespace: '', name: 'inner' } as const;
    const notice = findingOf('NatPoolOverridden', inner, 'it lies in pool outer');
    await start({ ...withProgrammed({ notices: [notice] }), problems: [invalid] });
    const [about] = await eventsAbout('web', 1);
    expect(about).toMatchObject({ reason: 'NatInvalid', note: 'spec.ports[0].port: must be a port' });
    const [pool] = await eventsAbout('inner', 1);
    expect(pool).toMatchObject({
      reason: 'NatConflict',
      metadata: { namespace: 'default' },
      regarding: { apiVersion: 'crd.projectcalico.org/v1', kind: 'IPPool', name: 'inner' },
    });
  });

  test('a repetition is counted on the Event, another text is another Event', async () => {
    const run = await start(withBindings(fixedBinding(25)));
    const [first] = await eventsAbout('mail', 1);
    for (let count = 2; count <= 3; count++) {
      run.tell(fixedAccount);
      await sleep(100);
      run.tell(withBindings(fixedBinding(25)));
      await until(
        () => eventsOf(stage, 'mail'),
        ([event]) => event !== undefined && seriesCount(event) === count,
      );
    }
    const [counted, ...others] = await eventsOf(stage, 'mail');
    expect(others).toEqual([]);
    expect(counted?.metadata.name).toBe(first?.metadata.name);
    run.tell(withBindings(fixedBinding(26)));
    await eventsAbout('mail', 2);
  });

  test('after a restart nothing is repeated, and new findings get Events', async () => {
    const first = await start(withBindings(fixedBinding(25)));
    await eventsAbout('mail', 1);
    await until(
      async () => (await stage.client.request('GET', NODE_NAT)).body,
      ({ status }) => (status as { bindings?: unknown[] } | undefined)?.bindings?.length === 1,
    );
    await first.stop();
    const from = stage.cluster.simulator?.requests.length ?? 0;
    const second = await start(withBindings(fixedBinding(25)));
    await sleep(300);
    expect(await eventsOf(stage, 'mail')).toHaveLength(1);
    if (!isReal) expect(writesSince(stage, from)).toEqual([]);
    second.tell(withProgrammed({ conflicts: [conflict] }));
    await eventsAbout('mail', 2);
  });

  test('after a restart without a NodeNAT the existing Event is updated, not doubled', async () => {
    const first = await start(withBindings(fixedBinding(25)));
    const [event] = await eventsAbout('mail', 1);
    await first.stop();
    await stage.client.request('DELETE', NODE_NAT);
    const second = await start(withBindings(fixedBinding(25)));
    await sleep(300);
    expect(await eventsOf(stage, 'mail')).toEqual([event]);
    expect(second.troubles.size).toBe(0);
  });

  test('an object that changes all the time gets five Events, then one now and then', async () => {
    const run = await start(fixedAccount);
    for (let port = 1; port <= 20; port++) {
      run.tell(withBindings(fixedBinding(port)));
      await sleep(60);
    }
    const events = await eventsOf(stage, 'mail');
    // 20 changes in 1.2 s, which are 120 s of the test's clock: 5 and one each 30 s.
    expect(events.length).toBeGreaterThan(4);
    expect(events.length).toBeLessThan(13);
    await until(
      () => eventsOf(stage, 'mail'),
      (all) => all.some(({ note }) => String(note).startsWith('192.0.2.1:20/TCP')),
    );
  });

  test('an Event that expired on the server is created again', async () => {
    const run = await start(withBindings(fixedBinding(25)));
    const [event] = await eventsAbout('mail', 1);
    await stage.client.request(
      'DELETE',
      `/apis/events.k8s.io/v1/namespaces/shop/events/${event?.metadata.name}`,
    );
    run.tell(fixedAccount);
    await sleep(100);
    run.tell(withBindings(fixedBinding(25)));
    await eventsAbout('mail', 1);
  });

  test('an object or a namespace that is gone is skipped, the others get their Events', async () => {
    const gone = { ...conflict, losers: [{ kind: 'Pod', namespace: 'nowhere', name: 'gone' }] } as const;
    const run = await start(withProgrammed({ conflicts: [gone, conflict] }));
    await eventsAbout('mail', 1);
    expect(run.troubles.size).toBe(0);
  });

  test('no rights: reported with the missing right, and Events follow once it is given', async () => {
    await stage.client.put(agentRole(rulesWithout('events')));
    const run = await start(withBindings(fixedBinding(25)));
    const trouble = await until(
      () => run.troubles.get('KNAT_EVENTS_UNWRITTEN'),
      (text) => text !== undefined,
    );
    expect(trouble).toContain('create and patch on resource "events" of API group "events.k8s.io"');
    await stage.client.put(agentRole());
    await eventsAbout('mail', 1);
    await until(
      () => run.troubles.size,
      (size) => size === 0,
    );
  });

  test('the server is away and comes back', async () => {
    const run = await start(fixedAccount);
    await sleep(100);
    const restarted = stage.cluster.restart();
    run.tell(withBindings(fixedBinding(25)));
    await restarted;
    await eventsAbout('mail', 1);
  });

  test('an agent that has programmed nothing writes no Events', async () => {
    await start({ ...fixedAccount, programmed: null, problems: [invalid] });
    await sleep(200);
    expect(await eventsOf(stage, 'web')).toEqual([]);
  });

  test('Events alone, without the NodeNAT', async () => {
    const run = await ReporterRun.start(stage, withBindings(fixedBinding(25)), { nodeStatus: false });
    running.push(run);
    await eventsAbout('mail', 1);
    expect((await stage.client.request('GET', NODE_NAT)).status).toBe(404);
  });
});
