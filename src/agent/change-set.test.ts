import { expect, test } from 'vitest';
import {
  ip,
  nodeFacts,
  nodeObject,
  pod,
  pool,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { defaultPodNatOptions } from '../sources/objects/metadata.ts';
import { SharedValues } from '../sources/objects/shared.ts';
import { changeSetOf, differenceOfFacts } from './change-set.ts';

function factsOf(...changes: FactChange[]): Planner['facts'] {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(changes);
  return planner.facts;
}

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

const cluster = factsOf(
  present(
    'Service',
    service({
      createdAt: 5000,
      ports: [servicePort(80, { nodePort: portOf(30080) })],
      loadBalancerIPs: [ip('192.0.2.50')],
    }),
  ),
  present('Pod', pod([])),
  present('Node', nodeObject('node-a', ['192.0.2.10'])),
  present('EndpointSlice', slice(['10.244.1.1'])),
  present('IPPool', pool('pods', '10.244.0.0/16')),
);

function changeOf(text: string, ...deletions: string[]) {
  return changeSetOf(text === '' ? [] : [{ name: 'change.yaml', text }], deletions, cluster, context);
}

const manifest = (spec: string) => `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {${spec}}
`;

test('what the cluster fills in stays: addresses, node ports, the age, the load balancer', () => {
  const { changes, notes } = changeOf(
    manifest('type: LoadBalancer, ports: [{name: http, port: 80}, {name: more, port: 81}]'),
  );
  expect(changes).toMatchObject([
    {
      kind: 'Service',
      key: 'shop/web',
      fact: {
        uid: 'uid-web',
        createdAt: 5000,
        clusterIPs: ['10.96.0.10'],
        loadBalancerIPs: ['192.0.2.50'],
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 81, nodePort: null },
        ],
      },
    },
  ]);
  expect(notes).toEqual([
    {
      about: 'assigned',
      reason: 'Service shop/web: the API server assigns its NodePorts, so the classes lack them',
    },
  ]);
});

test('a Service that becomes a ClusterIP loses its node port and its load balancer', () => {
  const { changes } = changeOf(manifest('ports: [{port: 80}]'));
  expect(changes).toMatchObject([
    { fact: { loadBalancerIPs: [], ports: [{ nodePort: null }], clusterIPs: ['10.96.0.10'] } },
  ]);
});

test('a Pod and a Node without a status keep theirs', () => {
  const { changes } = changeOf(`
apiVersion: v1
kind: Pod
metadata: {name: smtp, namespace: mail}
spec: {}
---
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {zone: a}}
`);
  expect(changes).toMatchObject([
    { kind: 'Pod', fact: { ips: ['10.244.1.5'], ready: true, nodeName: 'node-a' } },
    { kind: 'Node', fact: { addresses: [{ address: '192.0.2.10' }], labels: { zone: 'a' } } },
  ]);
});

test('what is not considered is said', () => {
  const { changes, notes, problems } = changeOf(
    `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: new, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: bad, namespace: shop}
spec: {ports: [{port: 70000}]}
`,
    'Pod/mail/smtp',
  );
  expect(changes.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['Service shop/new', 'Pod mail/smtp']);
  expect(notes.map(({ about, reason }) => `${about}: ${reason}`)).toEqual([
    'not-read: Deployment shop/web: knat reads no such objects; what the cluster makes of it, such as Pods, is not considered',
    'assigned: Service shop/new: the API server assigns its ClusterIP, so the classes lack them',
    'unusable: Service shop/bad: cannot be used as it is written, so it changes nothing',
    'endpoints: Pod mail/smtp: the EndpointSlices that name it are taken as they are; the cluster removes it from them',
  ]);
  expect(problems.map(({ origin }) => origin)).toEqual(['change.yaml:14']);
});

test('a deletion of nothing and a text that is no manifest are refused', () => {
  expect(() => changeOf('', 'Service/shop/nothing')).toThrow('delete: there is no Service shop/nothing');
  expect(() => changeOf('', 'Deployment/shop/web')).toThrow('knat reads no objects of the kind "Deployment"');
  expect(() => changeOf('{')).toThrow(/^change\.yaml:\d+: /);
});

test('documents that are no objects, and manifests without objects, are refused', () => {
  expect(() => changeOf('foo: bar')).toThrow('change.yaml:1: the document has no kind: add it');
  expect(() => changeOf('just a text')).toThrow(/^change\.yaml:1: .* is no Kubernetes object/);
  expect(() => changeOf('# rendered from nothing\n---\n')).toThrow('no object is in change.yaml');
  expect(() => changeOf('{apiVersion: v1, kind: List, items: []}')).toThrow('no object is in change.yaml');
  expect(changeOf('# only a deletion', 'Pod/mail/smtp').changes).toHaveLength(1);
});

test('an object of an unknown kind gets no namespace that it does not name', () => {
  const roles = '{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}}';
  expect(changeOf(roles).notes).toMatchObject([{ reason: expect.stringMatching(/^ClusterRole reader: /) }]);
  expect(changeOf('{apiVersion: v1, kind: Secret, metadata: 5}').notes).toMatchObject([
    { about: 'not-read' },
  ]);
});

test('two states: folders are compared as they are, and a folder for a cluster leaves it what clusters make', () => {
  const folder = factsOf(present('Service', service({ clusterIPs: [], uid: '', createdAt: 0 })));
  const strict = differenceOfFacts(cluster, folder, false);
  expect(
    strict.changes.map(({ kind, fact }) => `${kind} ${fact === null ? 'gone' : 'other'}`).sort(),
  ).toEqual(['EndpointSlice gone', 'IPPool gone', 'Node gone', 'Pod gone', 'Service other']);
  const applied = differenceOfFacts(cluster, folder, true);
  expect(applied.changes.map(({ kind }) => kind)).toEqual(['IPPool']);
  expect(applied.notes.map(({ reason }) => reason)).toContain(
    'no Pod is given, so those of the cluster are used',
  );
  expect(differenceOfFacts(cluster, cluster, false).changes).toEqual([]);
});
