/** Objects with every field that is read, and values that none of them should have. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One of each kind, with every field that is read. */
export const templates: Readonly<Record<string, Json>> = {
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

/** A valid object; it must stay usable whatever the other objects contain. */
export const bystander = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'good', namespace: 'ns' },
  spec: { clusterIP: '172.30.0.10', ports: [{ port: 80 }] },
};

const nested = (depth: number): Json => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as Json;

/** Values that are wrong in every field. */
export const HOSTILE: readonly Json[] = [
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
  '+',
  '*',
  'eth+',
  'et+h',
  'eth0,eth1',
  'eth0"; drop',
  "a'b",
  'a b',
  'a/b',
  '..',
  'ü'.repeat(10),
  'fifteen-letters+',
  '0:0',
  '1:65535',
  '65535:1',
  '203.0.113.7,203.0.113.8',
  '0.0.0.0',
  '0.0.0.0/0',
  '255.255.255.255/32',
  '::/0',
  '127.0.0.1',
  '224.0.0.1',
  [],
  [null],
  [[]],
  {},
  { '': '' },
  nested(150),
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as Json,
];

export type Path = readonly (string | number)[];

/** The path to every value. */
export function pathsOf(value: Json, base: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [base];
  return [
    base,
    ...Object.entries(value).flatMap(([key, inner]) =>
      pathsOf(inner as Json, [...base, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

/** The value with `to` at the path, or beside it under `key`, or with nothing at the path. */
export function changed(value: Json, [step, ...rest]: Path, how: string, to: Json, key: string): Json {
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

/** Sets an own property, also one of the name `__proto__`. */
function withKey(value: Json, key: string, to: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return to;
  return JSON.parse(
    `{${[...Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${JSON.stringify(item)}`), `${JSON.stringify(key)}:${JSON.stringify(to)}`].join(',')}}`,
  ) as Json;
}
