import fc from 'fast-check';
import type { Ingress, Service, ServicePort } from '../../conformance/oracle/manifests.ts';
import { maybe, present, some } from './draw.ts';
import { CLUSTER_IPS, EXTERNAL, NODE_PORTS, NUMBERS, PORT_NAMES, PROTOCOLS, RANGES, VIPS } from './world.ts';

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
  fc
    .record({ ip: fc.constantFrom(...VIPS), ipMode: maybe(fc.constantFrom('VIP', 'VIP', 'Proxy')) })
    .map(present),
  fc.constant({ hostname: 'lb.example.com' }),
);

const families = fc.constantFrom<readonly ('IPv4' | 'IPv6')[]>(
  ['IPv4'],
  ['IPv6'],
  ['IPv4', 'IPv6'],
  ['IPv6', 'IPv4'],
);

const SORTS = {
  'type left out': {},
  ClusterIP: { type: 'ClusterIP' },
  NodePort: { type: 'NodePort' },
  LoadBalancer: { type: 'LoadBalancer' },
  ExternalName: { type: 'ExternalName' },
  headless: { type: 'ClusterIP' },
  'of another proxy': {
    type: 'LoadBalancer',
    labels: { 'service.kubernetes.io/service-proxy-name': 'other' },
  },
  'labelled headless': { type: 'NodePort', labels: { 'service.kubernetes.io/headless': '' } },
} as const satisfies Record<string, { type?: string; labels?: Record<string, string> }> as Record<
  SortName,
  { readonly type?: string; readonly labels?: Record<string, string> }
>;

type SortName =
  | 'type left out'
  | 'ClusterIP'
  | 'NodePort'
  | 'LoadBalancer'
  | 'ExternalName'
  | 'headless'
  | 'of another proxy'
  | 'labelled headless';

/** The fields of a Service besides its ports: most are plain, since the others answer nothing. */
const sort: fc.Arbitrary<SortName> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      'type left out',
      'ClusterIP',
      'NodePort',
      'NodePort',
      'LoadBalancer',
      'LoadBalancer',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('ExternalName', 'headless', 'of another proxy', 'labelled headless'),
  },
);

export const draft = fc.record({
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

export type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never;

export function serviceOf(made: Draft, index: number): Service {
  const { sort: kind, ports } = made;
  const addresses = made.families.map((family) => CLUSTER_IPS[family][index] ?? '');
  const { type, labels } = SORTS[kind];
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
      type,
      ...(kind === 'ExternalName' ? { externalName: 'example.com' } : virtual),
      ports: (type ?? 'ClusterIP') === 'ClusterIP' ? ports.map(({ nodePort: _, ...rest }) => rest) : ports,
      externalIPs: made.externalIPs,
      loadBalancerSourceRanges: made.ranges,
      externalTrafficPolicy: made.external,
      internalTrafficPolicy: made.internal,
      ...made.affinity,
      ...made.other,
    }),
    status: type === 'LoadBalancer' ? { loadBalancer: { ingress: made.ingress } } : undefined,
  }) as Service;
}

/** `a` and `b` in one namespace; the fourth Service is a namesake of the first, in another. */
function nameOf(index: number): string {
  return ['a', 'b', 'c', 'a'][index] ?? 'a';
}
