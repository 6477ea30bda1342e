import { expect, test } from 'vitest';
import type { AgentPod } from './agent-pod.ts';
import { noAgentProven, type OwningDaemonSet, whyNoAgent, whyNotOf } from './agent-proof.ts';

const labels = { 'app.kubernetes.io/name': 'knat' };
const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'knat', uid: 'u1', controller: true };
const pod: AgentPod = {
  metadata: { name: 'a', namespace: 'kube-system', labels, ownerReferences: [owner] },
  spec: { containers: [{ name: 'agent' }], nodeName: 'n1', hostNetwork: true, serviceAccountName: 'knat' },
};
const daemonSet: OwningDaemonSet = {
  metadata: { uid: 'u1' },
  spec: {
    selector: { matchLabels: labels },
    template: { spec: { hostNetwork: true, serviceAccountName: 'knat' } },
  },
};
const namespaces = new Set(['kube-system']);

test('the agent of the node has nothing against it', () => {
  expect(whyNoAgent(pod, 'n1', namespaces)).toEqual([]);
  expect(whyNotOf(pod, daemonSet)).toEqual([]);
});

test('a Pod of a tenant: every reason is named', () => {
  const metadata = { name: 'a', namespace: 'tenant', labels };
  const error = noAgentProven('n1', [
    {
      pod: { metadata, spec: { containers: [] } },
      reasons: whyNoAgent({ metadata, spec: { containers: [], nodeName: 'n2' } }, 'n1', namespaces),
    },
  ]);
  expect(error).toMatchObject({ code: 'KNAT_AGENT_NOT_FOUND' });
  expect(error.details[0]?.split('; ')).toEqual([
    'tenant/a: namespace tenant is not known for agents: if they are installed there, use --agent-namespace tenant',
    "it does not have the node's network (hostNetwork)",
    'it has no service account of its own',
    'no DaemonSet is its controller',
    'it is on node n2',
  ]);
});

test.each<[string, OwningDaemonSet | null, string]>([
  ['none of the name', null, 'there is no DaemonSet kube-system/knat'],
  ['another uid', { ...daemonSet, metadata: { uid: 'u2' } }, 'has another uid'],
  [
    'other labels',
    { ...daemonSet, spec: { ...daemonSet.spec, selector: { matchLabels: { a: 'b' } } } },
    'does not select it',
  ],
  ['no labels', { ...daemonSet, spec: { ...daemonSet.spec, selector: {} } }, 'does not select it'],
  [
    'another account and no network of the node',
    { ...daemonSet, spec: { ...daemonSet.spec, template: { spec: {} } } },
    'has another service account',
  ],
])('a DaemonSet with %s', (_, given, reason) => {
  expect(whyNotOf(pod, given).join('; ')).toContain(reason);
});

test('an owner that does not control it, or is something else, is none', () => {
  for (const change of [{ controller: false }, { kind: 'ReplicaSet' }, { apiVersion: 'example.com/v1' }]) {
    const metadata = { ...pod.metadata, ownerReferences: [{ ...owner, ...change }] };
    expect(whyNoAgent({ ...pod, metadata }, 'n1', namespaces)).toEqual(['no DaemonSet is its controller']);
  }
});
