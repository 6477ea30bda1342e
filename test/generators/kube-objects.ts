import fc from 'fast-check';
import type { Manifest } from '../cluster/cluster-client.ts';
import { ip } from './build.ts';

/**
 * Changes to the objects of a small cluster, as a person or a controller requests them from an API server: Services with
 * their slices, Pods with Pod NAT, pools, another node. Every object is valid for a real API server: ClusterIPs of its
 * ranges, NodePorts that no other Service asks for, policies where the type has them.
 */
export interface KubeChange {
  readonly manifest: Manifest;
  readonly isGone: boolean;
  /** true: an existing object is removed and created again. false: it is replaced. */
  readonly anew: boolean;
}

/** The node whose NAT is tested, as the API shows it. */
export const NODE = {
  name: 'node-a',
  addresses: ['192.0.2.10', '203.0.113.7', '2001:db8::10'].map(ip),
} as const;

export const SERVICE_RANGES = ['10.96.0.0/12', 'fd00:96::/112'] as const;
export const POD_RANGES = ['10.244.0.0/16', 'fd00:244::/48'] as const;

/** The addresses of endpoints and bound pods. */
export const ENDPOINTS = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.1.3', '10.244.2.1', '10.244.2.2'],
  IPv6: ['fd00:244::1', 'fd00:244::2', 'fd00:244::3', '2001:db8:9::7'],
} as const;
export const TARGETS = [8080, 8053, 25] as const;

const FAMILIES = ['IPv4', 'IPv6'] as const;
const SERVICES = ['web', 'api', 'db'] as const;
const often = <T>(usual: T, ...others: T[]) => fc.constantFrom(usual, usual, usual, ...others);
const policy = often('Cluster', 'Local');

const servicePorts = (index: number, hasNodePorts: boolean) =>
  fc
    .record({ asked: fc.boolean(), count: often(3, 2, 1), first: often('http', 'www') })
    .map(({ asked, count, first }) =>
      [
        { name: first, protocol: 'TCP', port: 80, targetPort: TARGETS[0], nodePort: 30_060 + index },
        { name: 'http3', protocol: 'UDP', port: 80, targetPort: TARGETS[0], nodePort: 30_060 + index },
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: TARGETS[1], nodePort: 30_070 + index },
      ]
        .slice(0, count)
        // The server chooses what the manifest leaves out.
        .map(({ nodePort, ...port }) => (hasNodePorts && asked ? { ...port, nodePort } : port)),
    );

const serviceSpec = (index: number) =>
  fc
    .constantFrom('ClusterIP', 'ClusterIP', 'NodePort', 'LoadBalancer', 'headless', 'ExternalName')
    .chain((type) =>
      fc.record({
        type: fc.constant(type),
        families: fc.constantFrom(['IPv4'], ['IPv6'], ['IPv4', 'IPv6']),
        asked: fc.boolean(),
        ports: servicePorts(index, type === 'NodePort' || type === 'LoadBalancer'),
        internalTrafficPolicy: policy,
        externalTrafficPolicy: policy,
        affinity: often<number | null>(null, null, 10, 10_800),
        externalIPs: fc.subarray(['192.0.2.50', '2001:db8::77']),
        loadBalancerSourceRanges: often<string[]>([], ['198.51.100.0/24', '2001:db8::/64']),
      }),
    )
    .map((drawn) => {
      const { type, families, asked, ports, internalTrafficPolicy, externalTrafficPolicy } = drawn;
      if (type === 'ExternalName') return { type, externalName: 'example.com' };
      if (type === 'headless') return { clusterIP: 'None', ports };
      const fixed = families.map((family) =>
        family === 'IPv4' ? `10.96.0.1${index}` : `fd00:96::1${index}`,
      );
      return {
        type,
        ipFamilies: families,
        ipFamilyPolicy: families.length === 2 ? 'RequireDualStack' : 'SingleStack',
        ...(asked ? { clusterIP: fixed[0], clusterIPs: fixed } : {}),
        ports,
        internalTrafficPolicy,
        externalIPs: drawn.externalIPs,
        ...(type === 'ClusterIP' ? {} : { externalTrafficPolicy }),
        ...(type === 'LoadBalancer' ? { loadBalancerSourceRanges: drawn.loadBalancerSourceRanges } : {}),
        ...(drawn.affinity === null
          ? {}
          : {
              sessionAffinity: 'ClientIP',
              sessionAffinityConfig: { clientIP: { timeoutSeconds: drawn.affinity } },
            }),
      };
    });

const service = fc.nat(SERVICES.length - 1).chain((index) =>
  serviceSpec(index).map((spec): Manifest => {
    const ingress = [{ ip: '198.18.0.51' }, { ip: '2001:db8::50' }];
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: SERVICES[index] ?? 'web', namespace: 'shop' },
      spec,
      ...('type' in spec && spec.type === 'LoadBalancer' ? { status: { loadBalancer: { ingress } } } : {}),
    };
  }),
);

const endpoint = (family: 'IPv4' | 'IPv6') =>
  fc.record({
    addresses: fc.constantFrom(...ENDPOINTS[family].map((address) => [address])),
    conditions: often<object>(
      { ready: true },
      { ready: false, serving: true, terminating: true },
      { ready: false, serving: false },
    ),
    nodeName: fc.constantFrom(NODE.name, 'node-b'),
  });

const slice = fc
  .tuple(fc.constantFrom(...SERVICES), fc.constantFrom(...FAMILIES), fc.nat(1), often('http', 'www'))
  .chain(([owner, family, number, first]) =>
    fc.array(endpoint(family), { maxLength: 4 }).map(
      (endpoints): Manifest => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${owner}-${family.toLowerCase()}-${number}`,
          namespace: 'shop',
          labels: { 'kubernetes.io/service-name': owner },
        },
        addressType: family,
        ports: [
          { name: first, protocol: 'TCP', port: TARGETS[0] },
          { name: 'http3', protocol: 'UDP', port: TARGETS[0] },
          { name: 'dns', protocol: 'UDP', port: TARGETS[1] },
        ],
        endpoints,
      }),
    ),
  );

/** A Pod that claims a port of the node; two may claim the same. */
const pod = fc
  .record({
    number: fc.constantFrom(1, 2),
    nodeName: often<string>(NODE.name, 'node-b'),
    srcPort: fc.constantFrom(24, 25),
    srcIP: fc.constantFrom('203.0.113.7', '192.0.2.10', '2001:db8::10'),
    proto: fc.constantFrom('tcp', 'udp'),
    ready: often('True', 'False'),
  })
  .map(({ number, nodeName, ready, ...entry }): Manifest => {
    const entries = [{ ...entry, dstPort: TARGETS[2], ifaceAuto: false }];
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `smtp-${number}`,
        namespace: 'mail',
        annotations: { 'bln.space/podnat': JSON.stringify({ entries }) },
      },
      spec: { nodeName, containers: [{ name: 'main', image: 'none' }] },
      status: {
        phase: 'Running',
        podIP: `10.244.1.${number}`,
        podIPs: [{ ip: `10.244.1.${number}` }, { ip: `fd00:244::${number}` }],
        conditions: [{ type: 'Ready', status: ready }],
      },
    };
  });

const pool = fc
  .record({
    name: fc.constantFrom('pool-1', 'pool-2'),
    cidr: fc.constantFrom('10.244.0.0/16', '10.244.1.0/24', 'fd00:244::/48'),
    natOutgoing: often(true, false),
    disabled: often(false, true),
  })
  .map(
    ({ name, ...spec }): Manifest => ({
      apiVersion: 'knat.dev/v1',
      kind: 'IPPool',
      metadata: { name },
      spec,
    }),
  );

/** Another node: this node's addresses come from the kernel. */
const otherNode = fc.subarray(['192.0.2.11', '2001:db8::11']).map(
  (addresses): Manifest => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-b' },
    spec: {},
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  }),
);

export const kubeChange: fc.Arbitrary<KubeChange> = fc.record({
  manifest: fc.oneof(
    { weight: 4, arbitrary: service },
    { weight: 5, arbitrary: slice },
    { weight: 3, arbitrary: pod },
    { weight: 2, arbitrary: pool },
    { weight: 1, arbitrary: otherNode },
  ),
  isGone: fc.nat(5).map((drawn) => drawn === 0),
  anew: fc.nat(3).map((drawn) => drawn === 0),
});
