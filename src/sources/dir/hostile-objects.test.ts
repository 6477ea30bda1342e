/**
 * Objects with hostile values in any place: reading a folder never fails, every other object is read as if the bad one
 * were not there, and whatever is left out is named. The readers are those of the API server's objects as well.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readDirOnce } from './read-once.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-hostile-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One of each kind, with every field that is read. */
const templates: Readonly<Record<string, Json>> = {
  Service: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'bad',
      namespace: 'ns',
      uid: 'u',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { a: 'b' },
    },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '172.30.0.9',
      clusterIPs: ['172.30.0.9'],
      ipFamilies: ['IPv4'],
      externalIPs: ['203.0.113.9'],
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      ports: [{ name: 'p', port: 80, nodePort: 30080, protocol: 'TCP', targetPort: 'http' }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } },
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 32000,
    },
    status: { loadBalancer: { ingress: [{ ip: '1.2.3.4', ipMode: 'VIP' }] } },
  },
  EndpointSlice: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'bad',
      namespace: 'ns',
      labels: { 'kubernetes.io/service-name': 'bad' },
      annotations: {},
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.0.0.5'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'node-1',
        hints: { forZones: [{ name: 'z' }], forNodes: [{ name: 'node-1' }] },
      },
    ],
    ports: [{ name: 'p', port: 8080, protocol: 'TCP' }],
  },
  Pod: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'bad',
      namespace: 'ns',
      labels: { app: 'x' },
      annotations: { 'bln.space/podnat': '{"entries":[{"srcPort":25,"dstPort":25}]}' },
    },
    spec: { nodeName: 'node-1', hostNetwork: false },
    status: {
      phase: 'Running',
      podIP: '10.0.0.5',
      podIPs: [{ ip: '10.0.0.5' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  },
  Node: {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'bad', labels: { 'topology.kubernetes.io/zone': 'z' } },
    spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'], taints: [{ key: 'k', effect: 'NoSchedule' }] },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
  },
  Namespace: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bad', labels: { team: 'a' } } },
  IPPool: {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'bad' },
    spec: {
      cidr: '10.0.0.0/16',
      natOutgoing: true,
      disabled: false,
      blockSize: 26,
      ipipMode: 'Never',
      vxlanMode: 'Never',
      allowedUses: ['Workload'],
    },
  },
  FelixConfiguration: {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'FelixConfiguration',
    metadata: { name: 'default' },
    spec: {
      natPortRange: '32768:60999',
      natOutgoingAddress: '192.168.0.2',
      iptablesNATOutgoingInterfaceFilter: 'eth+',
      natOutgoingExclusions: 'IPPoolsOnly',
    },
  },
  EgressRule: {
    apiVersion: 'knat.dev/v1alpha1',
    kind: 'EgressRule',
    metadata: { name: 'bad' },
    spec: {
      priority: 10,
      from: { namespaceSelector: { matchLabels: { team: 'a' } }, podSelector: { matchExpressions: [] } },
      to: [{ cidr: '198.51.100.0/24', protocol: 'TCP', ports: '443' }],
      reason: 'because',
    },
  },
};

const bystander = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'good', namespace: 'ns' },
  spec: { clusterIP: '172.30.0.10', ports: [{ port: 80 }] },
};

const nested = (depth: number): Json => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as Json;

const HOSTILE: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  65_536,
  1e308,
  2 ** 53 + 2,
  '80',
  '',
  ' ',
  '\0',
  'a\0b',
  '\u202e\ufeff',
  '\ud800',
  'x'.repeat(70_000),
  'None',
  '010.0.0.1',
  '256.1.1.1',
  '1.2.3',
  '0x7f.0.0.1',
  '::ffff:10.0.0.1',
  'fe80::1%eth0',
  '10.0.0.1/24',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  'fd00::/129',
  '__proto__',
  'constructor',
  [],
  [null],
  [[]],
  {},
  { '': '' },
  nested(150),
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as Json,
];

const hostile = fc.record({
  kind: fc.constantFrom(...Object.keys(templates)),
  place: fc.nat(1000),
  how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add'),
  value: fc.nat(HOSTILE.length - 1),
  key: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', ''),
  layout: fc.constantFrom('YAML', 'JSON', 'List'),
});

test('a hostile value anywhere: nothing fails, nobody else is touched, what is left out is named', {
  timeout: 60_000,
}, async () => {
  const untouched = new Set(Object.getOwnPropertyNames(Object.prototype));
  await fc.assert(
    fc.asyncProperty(hostile, async ({ kind, place, how, value: index, key, layout }) => {
      const value = HOSTILE[index] ?? null;
      const template = templates[kind] ?? null;
      const paths = pathsOf(template).filter(
        (path) => path.length > 0 && path[0] !== 'kind' && path[0] !== 'apiVersion',
      );
      const path = paths[place % paths.length] ?? [];
      const bad = changed(template, path, how, value, key);
      const items = [bystander, bad];
      const list = { apiVersion: 'v1', kind: 'List', items };
      const text =
        layout === 'YAML'
          ? items.map((item) => stringify(item)).join('---\n')
          : JSON.stringify(layout === 'List' ? list : items);
      writeFileSync(join(folder, 'objects.yaml'), text);
      const { changes, problems } = await readDirOnce(folder);
      const good = changes.find((change) => change.kind === 'Service' && change.key === 'ns/good');
      expect(good?.fact, text.slice(0, 3000)).toMatchObject({
        clusterIPs: ['172.30.0.10'],
        ports: [{ port: 80 }],
      });
      const isRead = changes.some((change) => change !== good);
      const isNamed = problems.length > 0;
      const isNothing = isNoFact(kind, bad);
      expect(isRead || isNamed || isNothing, `neither read nor named: ${text.slice(0, 3000)}`).toBe(true);
      expect(new Set(Object.getOwnPropertyNames(Object.prototype))).toEqual(untouched);
    }),
    { numRuns: 300 },
  );
});

/** What is no fact by its meaning, and needs no word: a slice of no Service, settings of another name. */
function isNoFact(kind: string, object: Json): boolean {
  const text = JSON.stringify(object);
  if (kind === 'EndpointSlice')
    return (
      !text.includes('"kubernetes.io/service-name":"') ||
      text.includes('"kubernetes.io/service-name":""') ||
      text.includes('FQDN')
    );
  return kind === 'FelixConfiguration' && !text.includes('"name":"default"');
}

type Path = readonly (string | number)[];

/** The way to every value. */
function pathsOf(value: Json, base: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [base];
  return [
    base,
    ...Object.entries(value).flatMap(([key, inner]) =>
      pathsOf(inner as Json, [...base, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function changed(value: Json, [step, ...rest]: Path, how: string, to: Json, key: string): Json {
  if (step === undefined) return how === 'add' ? withKey(value, key, to) : to;
  if (typeof value !== 'object' || value === null) return to;
  if (how === 'remove' && rest.length === 0) {
    return Array.isArray(value)
      ? value.filter((_, index) => index !== step)
      : Object.fromEntries(Object.entries(value).filter(([name]) => name !== step));
  }
  const inner = (value as Readonly<Record<string | number, Json>>)[step] ?? null;
  const next = changed(inner, rest, how, to, key);
  return Array.isArray(value)
    ? value.map((item: Json, index) => (index === step ? next : item))
    : Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, name === step ? next : (item as Json)]),
      );
}

/** An own property of that name, `__proto__` too. */
function withKey(value: Json, key: string, to: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return to;
  return JSON.parse(
    `{${[...Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${JSON.stringify(item)}`), `${JSON.stringify(key)}:${JSON.stringify(to)}`].join(',')}}`,
  ) as Json;
}

test.each([
  [
    'lists in lists',
    (depth: number) => `${'{"apiVersion":"v1","kind":"List","items":['.repeat(depth)}${']}'.repeat(depth)}`,
  ],
  ['lists of JSON', (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`],
  ['YAML', (depth: number) => `a: ${'['.repeat(depth)}${']'.repeat(depth)}`],
  ['YAML mappings', (depth: number) => `${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`],
])('a nesting of 20,000 %s is reported, and other files are read', async (_, text) => {
  writeFileSync(join(folder, 'objects.yaml'), text(20_000));
  writeFileSync(join(folder, 'other.json'), JSON.stringify(bystander));
  try {
    const { changes, problems } = await readDirOnce(folder);
    expect(changes).toHaveLength(1);
    expect(problems.length).toBeGreaterThan(0);
  } finally {
    rmSync(join(folder, 'other.json'));
  }
});

test('an annotation of 10 MB', async () => {
  const pod = (raw: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'big', namespace: 'ns', annotations: { 'bln.space/podnat': raw } },
    spec: { nodeName: 'node-1' },
    status: { podIP: '10.0.0.5' },
  });
  const entries = '{"srcPort":25,"dstPort":25},'.repeat(370_000);
  writeFileSync(join(folder, 'objects.yaml'), JSON.stringify([bystander, pod(`{"entries":[${entries}]}`)]));
  const { changes } = await readDirOnce(folder);
  expect(changes.map(({ key }) => key).sort()).toEqual(['ns/big', 'ns/good']);
  const big = changes.find(({ key }) => key === 'ns/big')?.fact;
  expect(big).toMatchObject({ nat: { entries: [], error: expect.stringMatching(/^error unmarshaling/) } });
});
