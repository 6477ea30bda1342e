import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceFact } from '../../src/model/service.ts';
import { agentRole, rulesWithout } from './agent-role.ts';
import { definition, type Manifest } from './cluster-client.ts';
import { namespace, node, pod, pool, service, slice } from './manifests.ts';
import { until } from './recorder.ts';
import { Stage, synced } from './stage.ts';
import { isReal, startCluster } from './start-cluster.ts';

/** The source against a cluster without faults: the same on the simulator and on a real API server. */

let stage: Stage;

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  await stage.client.create(node('node-a', '192.0.2.1'));
  await stage.client.create(node('node-b', '192.0.2.2'));
}, 180_000);

afterEach(async () => {
  await stage.quiet();
});

afterAll(async () => {
  await stage.close();
});

test('objects at the start, changes, removals', async () => {
  const { client } = stage;
  await client.create(service('web'));
  await client.create(slice('web-1', 'web', ['10.1.0.1', '10.1.0.2']));
  const { sink } = await synced(stage.start());
  expect(sink.keys('Node')).toEqual(['node-a', 'node-b']);
  expect(sink.keys('Service')).toContain('shop/web');
  expect(sink.facts.get('EndpointSlice shop/web-1')).toMatchObject({
    serviceName: 'web',
    endpoints: [{ address: '10.1.0.1' }, { address: '10.1.0.2' }],
  });
  await client.put(slice('web-1', 'web', ['10.1.0.3']));
  await until(
    () => sink.facts.get('EndpointSlice shop/web-1'),
    (fact) => JSON.stringify(fact).includes('10.1.0.3'),
  );
  await client.create(service('later'));
  await until(
    () => sink.keys('Service'),
    (keys) => keys.includes('shop/later'),
  );
  await client.remove(service('web'));
  await client.remove(service('later'));
  await client.remove(slice('web-1', 'web', []));
  await until(
    () => [...sink.removed].sort(),
    (removed) => removed.length === 3,
  );
  expect(sink.problems()).toEqual([]);
});

test('more objects than fit into a page or a chunk', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `many-${String(index).padStart(2, '0')}`);
  for (const name of names) await stage.client.create(service(name));
  const { sink } = await synced(stage.start());
  const wanted = names.map((name) => `shop/${name}`);
  expect(sink.keys('Service').filter((key) => key.includes('many'))).toEqual(wanted);
  for (const name of names) await stage.client.remove(service(name));
  await until(
    () => sink.keys('Service').filter((key) => key.includes('many')),
    (keys) => keys.length === 0,
  );
});

test('Services of another proxy are recognised, also when the label is added later', async () => {
  const { client } = stage;
  const foreign = { 'service.kubernetes.io/service-proxy-name': 'other' };
  await client.create(service('ours'));
  await client.create(service('foreign', 80, foreign));
  await client.create(service('headless', 80, { 'service.kubernetes.io/headless': '' }));
  const { sink } = await synced(stage.start());
  const notOurs = (name: string) => (sink.facts.get(`Service shop/${name}`) as ServiceFact).notOurs;
  expect(['ours', 'foreign', 'headless'].map(notOurs)).toEqual([
    null,
    { kind: 'label', label: 'service.kubernetes.io/service-proxy-name' },
    { kind: 'label', label: 'service.kubernetes.io/headless' },
  ]);
  await client.put(service('ours', 80, foreign));
  await until(
    () => notOurs('ours'),
    (why) => why?.kind === 'label',
  );
  for (const name of ['ours', 'foreign', 'headless']) await client.remove(service(name));
});

test('pods of this node alone', async () => {
  const { client } = stage;
  await client.create(pod('mine', 'node-a'));
  await client.create(pod('theirs', 'node-b'));
  const { sink } = await synced(stage.start());
  expect(sink.keys('Pod')).toEqual(['shop/mine']);
  await client.create(pod('mine-too', 'node-a'));
  await until(
    () => sink.keys('Pod'),
    (keys) => keys.length === 2,
  );
  await client.remove(pod('mine', ''));
  await client.remove(pod('mine-too', ''));
  await client.remove(pod('theirs', ''));
  await until(
    () => sink.keys('Pod'),
    (keys) => keys.length === 0,
  );
});

test('only resources that the enabled kinds need are requested', async () => {
  const { sink } = await synced(stage.start({ enable: { service: true, pod: false, egress: false } }));
  expect(sink.keys('Node')).toEqual(['node-a']);
  if (stage.cluster.simulator === null) return;
  const asked = stage.cluster.simulator.requests;
  asked.length = 0;
  await synced(stage.start({ enable: { service: false, pod: false, egress: true } }));
  expect(asked.join('\n')).not.toMatch(/services|endpointslices/);
});

describe('fields by which Egress NAT chooses', () => {
  test("Calico's settings, whichever group serves them, and no node's own", async () => {
    const { client } = stage;
    const felix = (apiVersion: string, name: string, natPortRange: string) => ({
      apiVersion,
      kind: 'FelixConfiguration',
      metadata: { name },
      spec: { natPortRange },
    });
    const { sink } = await synced(stage.start());
    const first = async (port: number) =>
      await until(
        () => sink.facts.get('FelixConfiguration default'),
        (fact) => JSON.stringify(fact)?.includes(`"first":${port}`) === true,
      );
    const inCalico = ['v1', 'felixconfigurations', 'FelixConfiguration'] as const;
    await client.define('crd.projectcalico.org', ...inCalico);
    await client.create(felix('crd.projectcalico.org/v1', 'node.node-a', '1:2'));
    await client.create(felix('crd.projectcalico.org/v1', 'default', '40000:50000'));
    await first(40_000);
    await client.define('projectcalico.org', 'v3', 'felixconfigurations', 'FelixConfiguration');
    await client.create(felix('projectcalico.org/v3', 'default', '30000:50000'));
    await first(30_000);
    await client.put(felix('projectcalico.org/v3', 'default', '50000:40000'));
    await until(
      () => sink.problems(),
      (problems) => problems.some((line) => line.includes('is no range of ports')),
    );
    await client.remove(definition('projectcalico.org', 'v3', 'felixconfigurations', 'FelixConfiguration'));
    await first(40_000);
    expect(sink.keys('FelixConfiguration')).toEqual(['default']);
    await client.remove(definition('crd.projectcalico.org', ...inCalico));
    await until(
      () => sink.keys('FelixConfiguration'),
      (keys) => keys.length === 0,
    );
  });

  test('labels of Namespaces and Pods', async () => {
    const { client } = stage;
    const labelled = (manifest: Manifest, labels: Readonly<Record<string, string>>) => ({
      ...manifest,
      metadata: { ...manifest.metadata, labels },
    });
    await client.put(labelled(namespace('shop'), { team: 'shop' }));
    await client.create(labelled(pod('tagged', 'node-a'), { app: 'web' }));
    const { sink } = await synced(stage.start());
    expect(sink.facts.get('Namespace shop')).toMatchObject({ labels: { team: 'shop' } });
    expect(sink.facts.get('Pod shop/tagged')).toMatchObject({ labels: { app: 'web' } });
    await client.put(labelled(namespace('shop'), { team: 'other' }));
    await until(
      () => sink.facts.get('Namespace shop'),
      (fact) => JSON.stringify(fact).includes('other'),
    );
    await client.remove(pod('tagged', ''));
  });
});

describe('IPPools', () => {
  test('no group that serves them: in sync and empty; groups that appear are picked up', async () => {
    const { client } = stage;
    const { sink } = await synced(stage.start());
    expect(sink.keys('IPPool')).toEqual([]);
    await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
    await client.create(pool('one', '10.10.0.0/16', 'knat.dev/v1'));
    await until(
      () => sink.facts.get('IPPool one'),
      (fact) => JSON.stringify(fact)?.includes('10.10.0.0') === true,
    );
    // The same name in Calico's group decides.
    await client.define('crd.projectcalico.org', 'v1', 'ippools', 'IPPool');
    await client.create(pool('one', '10.20.0.0/16'));
    await until(
      () => sink.facts.get('IPPool one'),
      (fact) => JSON.stringify(fact).includes('10.20.0.0'),
    );
    await client.remove(pool('one', ''));
    await until(
      () => sink.facts.get('IPPool one'),
      (fact) => JSON.stringify(fact).includes('10.10.0.0'),
    );
    expect(sink.removed).toEqual([]);
    // Without its definition a pool is gone.
    await client.remove(definition('knat.dev', 'v1', 'ippools', 'IPPool'));
    await until(
      () => sink.keys('IPPool'),
      (keys) => keys.length === 0,
    );
    await client.remove(definition('crd.projectcalico.org', 'v1', 'ippools', 'IPPool'));
    expect(sink.problems()).toEqual([]);
  });
});

test('an object that does not validate keeps its last good value', async () => {
  const { client } = stage;
  await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
  await client.create(pool('p', '10.30.0.0/16', 'knat.dev/v1'));
  const { sink } = await synced(stage.start());
  await until(
    () => sink.keys('IPPool'),
    (keys) => keys.length === 1,
  );
  await client.put(pool('p', '10.30.0.1/16', 'knat.dev/v1'));
  await until(
    () => sink.problems(),
    (problems) => problems.length === 2,
  );
  expect(sink.problems()).toEqual([
    'kubernetes: IPPool p: spec.cidr: IPPool CIDR is not strictly masked (KNAT_POOL_CIDR)',
    'kubernetes: IPPool p: the last good state of this object stays in force until it is corrected or removed (KNAT_LAST_GOOD)',
  ]);
  expect(sink.facts.get('IPPool p')).toMatchObject({ cidr: { address: '10.30.0.0' } });
  await client.put(pool('p', '10.31.0.0/16', 'knat.dev/v1'));
  await until(
    () => sink.problems(),
    (problems) => problems.length === 0,
  );
  expect(sink.facts.get('IPPool p')).toMatchObject({ cidr: { address: '10.31.0.0' } });
  await client.remove(definition('knat.dev', 'v1', 'ippools', 'IPPool'));
});

test('a missing right is named, and the source continues once it is given', async () => {
  const { client } = stage;
  await client.put(agentRole(rulesWithout('endpointslices')));
  const { sink } = stage.start();
  const problems = await until(
    () => sink.problems(),
    (found) => found.length === 1 && found[0]?.includes('KNAT_API_FORBIDDEN') === true,
  );
  expect(problems[0]).toMatch(
    /endpointslices\.discovery\.k8s\.io: a ClusterRole must allow get, list and watch on resource "endpointslices" of API group "discovery\.k8s\.io".*User "knat" cannot.*KNAT_API_FORBIDDEN/,
  );
  expect(sink.isSynced).toBe(false);
  expect(sink.keys('Node')).toEqual(['node-a', 'node-b']);
  await client.put(agentRole());
  await until(
    () => [sink.isSynced, sink.problems().length],
    ([isSynced, count]) => isSynced === true && count === 0,
  );
});

test('a right that is revoked removes no object', async () => {
  const { client, cluster } = stage;
  await client.create(service('kept'));
  const { sink } = await synced(stage.start());
  await client.put(agentRole([]));
  await cluster.restart();
  await until(
    () => sink.problems(),
    (found) => found.some((line) => line.includes('KNAT_API_FORBIDDEN')),
  );
  expect(sink.removed).toEqual([]);
  await client.put(agentRole());
  await client.remove(service('kept'));
  await until(
    () => sink.keys('Service'),
    (keys) => !keys.includes('shop/kept'),
  );
}, 180_000);

test('a restart of the server removes nothing, and changes during it arrive', async () => {
  const { client, cluster } = stage;
  await client.create(service('stays'));
  await client.create(service('goes'));
  const { sink } = await synced(stage.start());
  await cluster.restart();
  await client.remove(service('goes'));
  await client.create(service('comes'));
  await until(
    () => sink.keys('Service'),
    (keys) => keys.includes('shop/comes') && !keys.includes('shop/goes'),
  );
  expect(sink.removed).toEqual(['Service shop/goes']);
  await client.remove(service('stays'));
  await client.remove(service('comes'));
  await until(
    () => sink.problems(),
    (problems) => problems.length === 0,
  );
}, 180_000);

test('the cluster of this run', () => {
  expect(stage.cluster.kind).toBe(isReal ? 'kube-apiserver' : 'simulator');
});

test('a kind whose definition comes later, goes and comes back is found at once, without polling', async () => {
  const { client } = stage;
  const never = { absentFirst: 600_000, absentLongest: 600_000, absentGrace: 600_000 };
  const running = await synced(stage.start({ timings: never }));
  for (const cidr of ['10.77.0.0/16', '10.78.0.0/16']) {
    await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
    await client.create(pool('later', cidr, 'knat.dev/v1'));
    const found = await until(
      () => running.sink.facts.get('IPPool later'),
      (fact) => fact !== undefined,
    );
    expect(JSON.stringify(found)).toContain(cidr.replace('/16', ''));
    await client.remove(definition('knat.dev', 'v1', 'ippools', 'IPPool'));
    await until(
      () => running.sink.keys('IPPool'),
      (keys) => !keys.includes('later'),
    );
  }
  expect(running.sink.problems()).toEqual([]);
});

test('without the right to watch definitions a kind is found by polling', async () => {
  const { client } = stage;
  await client.put(agentRole(rulesWithout('customresourcedefinitions')));
  const running = await synced(stage.start());
  await client.define('knat.dev', 'v1', 'ippools', 'IPPool');
  await client.create(pool('asked', '10.79.0.0/16', 'knat.dev/v1'));
  await until(
    () => running.sink.keys('IPPool'),
    (keys) => keys.includes('asked'),
  );
  expect(running.sink.problems()).toEqual([]);
  await client.remove(definition('knat.dev', 'v1', 'ippools', 'IPPool'));
  await client.put(agentRole());
});
