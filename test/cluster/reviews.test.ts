import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../../src/kube-api/client.ts';
import { openAccess } from '../../src/kube-api/open-access.ts';
import { Reviews } from '../../src/kube-api/reviews.ts';
import { Gate } from '../../src/observe/http/gate.ts';
import { Stage } from './stage.ts';
import { startCluster } from './start-cluster.ts';

/** The cluster decides who may read the agent's answers: TokenReview and SubjectAccessReview. */

let stage: Stage;
let reviews: Reviews;
const stop = new AbortController();

function role(name: string, user: string, rules: readonly object[]) {
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [{ apiGroup: group, kind: 'User', name: user }],
    },
  ];
}

/** The rules that the chart gives the agent where tokens are looked up. */
const mayReview = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
];

beforeAll(async () => {
  stage = new Stage(await startCluster());
  await stage.prepare();
  const access = await openAccess({ kubeconfig: stage.kubeconfig, environment: {} });
  const surroundings = {
    now: () => performance.now(),
    random: () => 0.5,
    sleep: async (milliseconds: number, signal: AbortSignal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
  };
  reviews = new Reviews(new ApiClient(access, surroundings), stop.signal);
}, 90_000);

afterAll(async () => {
  stop.abort();
  await stage.close();
});

const gate = () => new Gate({ reviewer: reviews, now: () => performance.now() });

function statusOf(token: string, path: string, by = gate()): Promise<number | null> {
  const authorization = `Bearer ${token}`;
  const header = (name: string) => (name === 'authorization' ? authorization : undefined);
  return by.refusal({ address: '192.0.2.1', path, header }).then((refusal) => refusal?.status ?? null);
}

test('without the right to create reviews, every client is refused', async () => {
  await expect(reviews.whoIs(stage.cluster.adminToken)).rejects.toMatchObject({ status: 403 });
  expect(await statusOf(stage.cluster.adminToken, '/metrics')).toBe(503);
});

test('the user of a token, and the user’s rights', async () => {
  for (const object of role('knat-reviews', 'knat', mayReview)) await stage.client.put(object);
  await expect.poll(() => reviews.whoIs('nope').catch(() => 'refused'), { timeout: 10_000 }).toBeNull();
  expect(await reviews.whoIs(stage.cluster.adminToken)).toMatchObject({
    username: 'admin',
    groups: expect.arrayContaining(['system:masters']),
  });
  expect(await statusOf(stage.cluster.adminToken, '/metrics')).toBeNull();
  expect(await statusOf('nope', '/metrics')).toBe(401);
  expect(await statusOf(stage.cluster.knatToken, '/metrics')).toBe(403);

  const rules = [{ nonResourceURLs: ['/metrics', '/api/v1/*'], verbs: ['get'] }];
  for (const object of role('knat-readers', 'knat', rules)) await stage.client.put(object);
  await expect.poll(() => statusOf(stage.cluster.knatToken, '/metrics'), { timeout: 10_000 }).toBeNull();
  expect(await statusOf(stage.cluster.knatToken, '/api/v1/status')).toBeNull();
  expect(await statusOf(stage.cluster.knatToken, '/entries/list')).toBe(403);
});

test('while the server is away, clients with an unknown token are refused', async () => {
  const { simulator } = stage.cluster;
  if (simulator === null) return;
  const one = gate();
  expect(await statusOf(stage.cluster.adminToken, '/metrics', one)).toBeNull();
  await simulator.stop();
  try {
    expect(await statusOf(stage.cluster.adminToken, '/metrics', one)).toBeNull();
    expect(await statusOf(stage.cluster.adminToken, '/api/v1/status', one)).toBe(503);
  } finally {
    await simulator.start();
  }
});
