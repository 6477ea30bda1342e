import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import { ConfigMapStore } from '../../src/status/stores/config-map-store.ts';
import { namespace } from './manifests.ts';
import { Stage } from './stage.ts';
import { startCluster, unlessReal, unlessSimulated } from './start-cluster.ts';

/** The rights of podnat-controller's chart, and no more. */
const role = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'knat-state' },
  rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'update'] }],
};
const binding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'knat-state' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'knat-state' },
  subjects: [{ kind: 'User', name: 'knat', apiGroup: 'rbac.authorization.k8s.io' }],
};
const object = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'podnat-controller-a', namespace: 'podnat', ...metadata },
  data,
});
const PATH = '/api/v1/namespaces/podnat/configmaps/podnat-controller-a';
const signal = new AbortController().signal;
const surroundings = {
  now: () => performance.now(),
  sleep: async (milliseconds: number, until: AbortSignal) => {
    await sleep(milliseconds, undefined, { signal: until }).catch(() => {});
  },
  random: () => 0.5,
};

let stage: Stage;
let client: ApiClient;
let store: ConfigMapStore;

beforeAll(async () => {
  stage = new Stage(await startCluster());
  for (const each of [namespace('podnat'), role, binding]) await stage.client.put(each);
  const access = await openAccess({ kubeconfig: stage.kubeconfig, environment: {} });
  client = new ApiClient(access, surroundings);
}, 90_000);

beforeEach(async () => {
  await stage.client.remove(object({}));
  store = new ConfigMapStore(client, 'podnat', 'a');
});

afterAll(async () => {
  await stage.close();
});

const current = async () => (await stage.client.request('GET', PATH)).body;

test('an absent ConfigMap is created and then read', async () => {
  expect(await store.read(signal)).toBe(null);
  await store.write('{}', signal);
  expect(await store.read(signal)).toBe('{}');
  expect(await current()).toMatchObject({ data: { 'state.json': '{}' } });
});

test('foreign labels, annotations and keys of the object stay', async () => {
  const metadata = { labels: { team: 'mail' }, annotations: { 'example.com/note': 'mine' } };
  await stage.client.create(object({ 'state.json': 'null', other: 'kept' }, metadata));
  expect(await store.read(signal)).toBe('null');
  await store.write('{"a":[]}', signal);
  expect(await current()).toMatchObject({
    metadata,
    data: { 'state.json': '{"a":[]}', other: 'kept' },
  });
});

test('an unchanged state is not written', async () => {
  await store.write('{}', signal);
  const { metadata } = await current();
  await store.write('{}', signal);
  expect((await current()).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test('an object without data has no state', async () => {
  const { data: _, ...empty } = object({});
  await stage.client.create(empty);
  expect(await store.read(signal)).toBe(null);
  await store.write('{}', signal);
  expect(await store.read(signal)).toBe('{}');
});

test.skipIf(unlessSimulated('a conflict', 'it cannot be made to happen'))(
  'a foreign change between reading and writing is not lost',
  async () => {
    await stage.client.create(object({ 'state.json': '{}' }));
    const json = client.json.bind(client);
    let meddled = 0;
    const meddling = Object.assign(Object.create(client) as ApiClient, {
      json: async (...args: Parameters<ApiClient['json']>) => {
        const answer = await json(...args);
        if (args[0].method === undefined && meddled++ < 2) {
          await stage.client.put(object({ 'state.json': '{}', other: String(meddled) }));
        }
        return answer;
      },
    });
    await new ConfigMapStore(meddling, 'podnat', 'a').write('{"b":[]}', signal);
    expect(meddled).toBe(3);
    expect(await current()).toMatchObject({ data: { 'state.json': '{"b":[]}', other: '2' } });
  },
);

test.skipIf(unlessReal('an absent namespace', 'it takes objects for any'))(
  'a namespace that is not there is named',
  async () => {
    const elsewhere = new ConfigMapStore(client, 'nowhere', 'a');
    await expect(elsewhere.write('{}', signal)).rejects.toThrow('make namespace nowhere, or name another');
  },
);

test('rights that are missing are named', async () => {
  await stage.client.put({ ...role, rules: [] });
  await expect(store.write('{}', signal)).rejects.toThrow(
    'a Role in namespace podnat must allow get, create and update on "configmaps"',
  );
  await stage.client.put(role);
});
