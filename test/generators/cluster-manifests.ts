import fc from 'fast-check';
import type {
  Endpoint,
  EndpointSlice,
  Flow,
  Ingress,
  NodeConfig,
  Service,
  ServicePort,
} from '../conformance/oracle/manifests.ts';

/** A cluster as its users and controllers write it, a node of it, and packets that the node sees. */
export interface ClusterState {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly node: NodeConfig;
  readonly flows: readonly Flow[];
}

/*
 * A small world, so that things meet: addresses that are an externalIP here and a node's address there, endpoints
 * that are clients, Services that share a node port.
 */
const NODES = ['node-1', 'node-2'] as const;
const ZONES = ['zone-a', 'zone-b'] as const;
const PORT_NAMES = ['', 'web', 'dns'] as const;
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
const NUMBERS = [80, 443, 30080] as const;
const NODE_PORTS = [30080, 30081, 31000] as const;
const LOCAL = ['192.168.0.2', '192.168.1.2', '192.168.99.11', '10.0.0.1', '2001:db8::1', '2001:db8:1::2'];
const BACKENDS = {
  IPv4: ['10.0.0.5', '10.0.0.6', '10.180.0.1', '10.180.0.2', '192.168.0.2', '198.51.100.7'],
  IPv6: ['fd00:10::5', 'fd00:10::6', 'fd00:10:0:1::5', '2001:db8::1', '2001:db8:9::7'],
} as const;
const CLUSTER_IPS = {
  IPv4: ['172.30.0.41', '172.30.0.42', '172.30.1.1', '172.31.0.9'],
  IPv6: ['fd00:10:96::41', 'fd00:10:96::42', 'fd00:10:96::101', 'fd00:11::9'],
} as const;
const EXTERNAL = [
  '192.168.99.11',
  '192.168.0.2',
  '203.0.113.50',
  '172.30.0.42',
  '2001:db8::50',
  '2001:db8::1',
  '2001:0DB8:0:0::50',
];
const VIPS = ['1.2.3.4', '5.6.7.8', '203.0.113.50', '192.168.1.2', '2001:db8:5::1', '2001:db8::50'];
const CLIENTS = [
  ...BACKENDS.IPv4,
  ...BACKENDS.IPv6,
  ...LOCAL,
  ...VIPS,
  '203.0.113.2',
  '203.0.113.130',
  '127.0.0.1',
  '2600:5200::1',
  '::1',
];
const DESTINATIONS = [
  ...CLUSTER_IPS.IPv4,
  ...CLUSTER_IPS.IPv6,
  ...EXTERNAL,
  ...VIPS,
  ...LOCAL,
  '172.30.9.9',
  'fd00:10:96::909',
  '127.0.0.1',
  '::1',
  '8.8.8.8',
];
const RANGES = [
  '203.0.113.0/25',
  ' 203.0.113.0/25 ',
  '203.0.113.129/25',
  '10.0.0.0/8',
  '192.168.0.0/24',
  '0.0.0.0/0',
  '2600:5200::/32',
  '\tfd00:10::/64',
  '2001:db8::/64',
  '::/0',
];

const some = <T>(values: readonly T[], maxLength = 3) => fc.uniqueArray(fc.constantFrom(...values), { maxLength });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const policy = maybe(fc.constantFrom('Cluster', 'Local'));

const servicePort: fc.Arbitrary<ServicePort> = fc
  .record({
    name: fc.constantFrom(...PORT_NAMES),
    port: fc.constantFrom(...NUMBERS),
    protocol: maybe(fc.constantFrom(...PROTOCOLS)),
    nodePort: maybe(fc.constantFrom(...NODE_PORTS)),
    targetPort: maybe(fc.constantFrom<number | string>(8080, 'http')),
  })
  .map(present);

const ingress: fc.Arbitrary<Ingress> = fc.oneof(
  fc.record({ ip: fc.constantFrom(...VIPS), ipMode: maybe(fc.constantFrom('VIP', 'VIP', 'Proxy')) }).map(present),
  fc.constant({ hostname: 'lb.example.com' }),
);

const families = fc.constantFrom<readonly ('IPv4' | 'IPv6')[]>(
  ['IPv4'],
  ['IPv6'],
  ['IPv4', 'IPv6'],
  ['IPv6', 'IPv4'],
);

/** What the Service is besides its ports: most are plain, since the others answer nothing. */
const sort = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer') },
  { weight: 1, arbitrary: fc.constantFrom('ExternalName', 'headless', 'of another proxy', 'labelled headless') },
);

const draft = fc.record({
  sort,
  families,
  statesFamilies: fc.boolean(),
  statesList: fc.boolean(),
  createdAt: maybe(fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z')),
  ports: fc.uniqueArray(servicePort, {
    minLength: 1,
    maxLength: 3,
    comparator: (one, other) =>
      one.name === other.name ||
      (one.port === other.port && (one.protocol ?? 'TCP') === (other.protocol ?? 'TCP')) ||
      (one.nodePort !== undefined &&
        one.nodePort === other.nodePort &&
        (one.protocol ?? 'TCP') === (other.protocol ?? 'TCP')),
  }),
  externalIPs: maybe(some(EXTERNAL, 2)),
  ingress: some(VIPS, 2).chain((ips) =>
    fc.tuple(...ips.map((ip) => ingress.map((entry) => ('ip' in entry ? { ...entry, ip } : entry)))),
  ),
  ranges: maybe(fc.array(fc.constantFrom(...RANGES), { maxLength: 3 })),
  external: policy,
  internal: policy,
  affinity: fc.constantFrom<Record<string, unknown>>(
    {},
    { sessionAffinity: 'None' },
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } } },
  ),
  other: fc.constantFrom<Record<string, unknown>>(
    {},
    { allocateLoadBalancerNodePorts: false },
    { publishNotReadyAddresses: true, selector: { app: 'x' } },
    { trafficDistribution: 'PreferClose' },
    { trafficDistribution: 'PreferSameNode', loadBalancerClass: 'example.com/lb' },
    { healthCheckNodePort: 32000 },
  ),
});

type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never;

function serviceOf(made: Draft, index: number): Service {
  const { sort: kind, ports } = made;
  const addresses = made.families.map((family) => CLUSTER_IPS[family][index] ?? '');
  const type = { headless: 'ClusterIP', 'of another proxy': 'LoadBalancer', 'labelled headless': 'NodePort' }[kind];
  const labels = {
    'of another proxy': { 'service.kubernetes.io/service-proxy-name': 'other' },
    'labelled headless': { 'service.kubernetes.io/headless': '' },
  }[kind];
  const clusterIP = kind === 'headless' ? 'None' : addresses[0];
  const virtual = {
    clusterIP,
    ...(made.statesList || made.families.length > 1
      ? { clusterIPs: kind === 'headless' ? ['None'] : addresses }
      : {}),
    ...(made.statesFamilies ? { ipFamilies: made.families } : {}),
  };
  return present({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: present({
      name: nameOf(index),
      namespace: index === 3 ? 'ns2' : 'ns1',
      creationTimestamp: made.createdAt,
      labels,
    }),
    spec: present({
      type: type ?? (kind === 'ClusterIP' && made.statesList ? undefined : kind),
      ...(kind === 'ExternalName' ? { externalName: 'example.com' } : virtual),
      ports: kind === 'ClusterIP' || kind === 'headless' ? ports.map(({ nodePort: _, ...rest }) => rest) : ports,
      externalIPs: made.externalIPs,
      loadBalancerSourceRanges: made.ranges,
      externalTrafficPolicy: made.external,
      internalTrafficPolicy: made.internal,
      ...made.affinity,
      ...made.other,
    }),
    status: kind === 'LoadBalancer' || kind === 'of another proxy' ? { loadBalancer: { ingress: made.ingress } } : undefined,
  } satisfies Service);
}

/** `a` and `b` in one namespace; the fourth Service is a namesake of the first, in another. */
function nameOf(index: number): string {
  return ['a', 'b', 'c', 'a'][index] ?? 'a';
}

const condition = fc.constantFrom(undefined, null, true, true, false);

function endpointOf(family: 'IPv4' | 'IPv6'): fc.Arbitrary<Endpoint> {
  return fc
    .record({
      addresses: fc.tuple(fc.constantFrom(...BACKENDS[family])),
      conditions: maybe(fc.record({ ready: condition, serving: condition, terminating: condition }).map(present)),
      nodeName: maybe(fc.constantFrom(...NODES)),
      zone: maybe(fc.constantFrom(...ZONES)),
      hints: maybe(
        fc
          .record({
            forZones: maybe(some(ZONES, 2).map((all) => all.map((name) => ({ name })))),
            forNodes: maybe(some(NODES, 2).map((all) => all.map((name) => ({ name })))),
          })
          .map(present),
      ),
      targetRef: maybe(fc.constant({ kind: 'Pod', name: 'p', namespace: 'ns1' })),
    })
    .map(present);
}

/** Alike in hints, as a controller writes them: else topology would hardly ever take effect. */
function hintedAlike(endpoints: readonly Endpoint[], how: 'as drawn' | 'zones' | 'nodes' | 'both'): readonly Endpoint[] {
  if (how === 'as drawn') return endpoints;
  return endpoints.map((endpoint, index) => ({
    ...endpoint,
    hints: {
      ...(how === 'nodes' ? {} : { forZones: [{ name: ZONES[index % 2] ?? '' }] }),
      ...(how === 'zones' ? {} : { forNodes: [{ name: endpoint.nodeName ?? 'node-2' }] }),
    },
  }));
}

const slice = fc.constantFrom<'IPv4' | 'IPv6'>('IPv4', 'IPv4', 'IPv6').chain((family) =>
  fc
    .record({
      of: fc.constantFrom('a', 'a', 'b', 'c', 'gone', undefined),
      namespace: fc.constantFrom('ns1', 'ns1', 'ns1', 'ns2'),
      labels: fc.constantFrom<Record<string, string>>(
        {},
        {},
        { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
        { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' },
        { 'endpointslice.kubernetes.io/managed-by': 'hand', 'service.kubernetes.io/service-proxy-name': 'other' },
      ),
      addressType: fc.constantFrom<string>(family, family, family, family, family, 'FQDN'),
      hinted: fc.constantFrom('as drawn', 'zones', 'nodes', 'both'),
      endpoints: fc.array(endpointOf(family), { maxLength: 4 }),
      ports: maybe(
        fc.array(
          fc
            .record({
              name: maybe(fc.constantFrom(...PORT_NAMES)),
              port: fc.constantFrom(8080, 8080, 8080, 9090, null),
              protocol: maybe(fc.constantFrom(...PROTOCOLS)),
            })
            .map(present),
          { maxLength: 4 },
        ),
      ),
    })
    .map(({ of, namespace, labels, addressType, hinted, endpoints, ports }, index = 0): EndpointSlice => {
      const all = addressType === 'FQDN' ? endpoints.map((one) => ({ ...one, addresses: ['x.example.com'] })) : hintedAlike(endpoints, hinted);
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `slice-${index}`,
          namespace,
          labels: { ...labels, ...(of === undefined ? {} : { 'kubernetes.io/service-name': of }) },
        },
        addressType,
        endpoints: all,
        ...(ports === undefined ? {} : { ports }),
      };
    }),
);

/** As a controller would: every port of the Service under its name. */
function filledFor(service: Service, made: EndpointSlice): EndpointSlice {
  const ports = (service.spec.ports ?? []).map(({ name, protocol }) => ({
    ...(name === undefined ? {} : { name }),
    port: 8080,
    ...(protocol === undefined ? {} : { protocol }),
  }));
  const { namespace } = service.metadata;
  const labels = { ...made.metadata.labels, 'kubernetes.io/service-name': service.metadata.name };
  return { ...made, metadata: { ...made.metadata, ...(namespace === undefined ? {} : { namespace }), labels }, ports };
}

const node: fc.Arbitrary<NodeConfig> = fc.record({
  nodeName: fc.constant('node-1'),
  nodeIP: fc.constantFrom<string | readonly string[]>(
    '192.168.0.2',
    '192.168.0.2',
    '2001:db8::1',
    ['192.168.0.2', '2001:db8::1'],
    ['2001:db8::1', '192.168.0.2'],
  ),
  localNodeIPs: fc.constantFrom(LOCAL, LOCAL, [...LOCAL, '127.0.0.1', '::1']),
  podCIDRs: some(['10.0.0.0/8', '10.0.0.0/24', '10.180.0.0/16', 'fd00:10::/64', 'fd00:10::/48']),
  serviceCIDRs: some(['172.30.0.0/16', 'fd00:10:96::/112']),
  nodePortAddresses: fc.oneof(
    fc.constantFrom([], ['primary'], ['192.168.0.2/32'], ['192.168.0.0/24', '192.168.1.0/24']),
    some(['192.168.0.0/16', '0.0.0.0/0', '127.0.0.0/8', '10.0.0.0/8', '2001:db8::/64', '::/0', '2001:db8:1::2/128']),
  ),
  masqueradeAll: fc.constantFrom(false, false, false, true),
  topologyLabels: fc.constantFrom<Record<string, string>>(
    {},
    { 'topology.kubernetes.io/zone': 'zone-a' },
    { 'topology.kubernetes.io/zone': 'zone-b' },
    { 'topology.kubernetes.io/zone': '' },
  ),
});

/** Drawn as numbers and made into a packet when the rest is known, so that a smaller cluster keeps its packets. */
const packet = fc.record({
  aimed: fc.constantFrom(true, true, true, false),
  target: fc.nat(10_000),
  source: fc.nat(10_000),
  port: fc.nat(10_000),
  protocol: fc.constantFrom(...PROTOCOLS),
});

function flowOf(
  { aimed, target, source, port, protocol }: typeof packet extends fc.Arbitrary<infer T> ? T : never,
  services: readonly Service[],
): Flow {
  const tuples = services.flatMap(tuplesOf);
  const at = <T>(values: readonly T[], index: number): T | undefined => values[index % Math.max(values.length, 1)];
  const hit = aimed ? at(tuples, target) : undefined;
  const destIP = hit?.destIP ?? at(DESTINATIONS, target) ?? '8.8.8.8';
  const clients = CLIENTS.filter((client) => client.includes(':') === destIP.includes(':'));
  return {
    sourceIP: at(clients, source) ?? '203.0.113.2',
    protocol: hit?.protocol ?? protocol,
    destIP,
    destPort: hit?.destPort ?? at([...NUMBERS, ...NODE_PORTS, 9999], port) ?? 80,
  };
}

function tuplesOf({ spec, status }: Service): Omit<Flow, 'sourceIP'>[] {
  const addresses = [
    ...(spec.clusterIPs ?? [spec.clusterIP ?? '']),
    ...(spec.externalIPs ?? []),
    ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? ''),
  ].filter((text) => text.includes('.') || text.includes(':'));
  return (spec.ports ?? []).flatMap(({ port, nodePort, protocol = 'TCP' }) => [
    ...addresses.map((destIP) => ({ destIP, destPort: port, protocol })),
    ...(nodePort === undefined ? [] : LOCAL.map((destIP) => ({ destIP, destPort: nodePort, protocol }))),
  ]);
}

export const clusterState: fc.Arbitrary<ClusterState> = fc
  .record({
    drafts: fc.array(draft, { minLength: 1, maxLength: 4 }),
    slices: fc.array(fc.tuple(slice, fc.boolean(), fc.nat(3)), { maxLength: 5 }),
    node,
    packets: fc.array(packet, { minLength: 1, maxLength: 40, size: 'max' }),
  })
  .map(({ drafts, slices, node: where, packets }) => {
    const services = drafts.map(serviceOf);
    return {
      services,
      slices: slices.map(([made, fills, index], number) => {
        const of = services[index % services.length];
        const filled = fills && of !== undefined ? filledFor(of, made) : made;
        return { ...filled, metadata: { ...filled.metadata, name: `slice-${number}` } };
      }),
      node: where,
      flows: packets.map((one) => flowOf(one, services)),
    };
  });

/** Without what is undefined, which no manifest can say. */
function present<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
