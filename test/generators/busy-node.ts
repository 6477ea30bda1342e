import fc from 'fast-check';
import type { EndpointFact, EndpointSliceFact } from '../../src/model/endpoint-slice.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import type { PodFact, PodNatEntry } from '../../src/model/pod.ts';
import type { NotOurs, ServiceFact, ServicePortFact } from '../../src/model/service.ts';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { isLoopback } from '../../src/net/special-address.ts';
import { cidr, endpoint, ip, localAddress, natEntry, pod, portOf, present, service, slice } from './build.ts';
import { nodeObject, pool, thisNode } from './facts.ts';

/**
 * States of a node in which most objects fit together: Services have slices of their ports, Pods bind addresses that
 * the node has. `facts.ts` has the opposite: objects that mostly collide or miss each other.
 */
export interface BusyNode {
  readonly node: NodeFacts;
  readonly changes: readonly FactChange[];
}

/** The ports of every Service, two of them with one number; `target`: the port of its endpoints. */
const PORTS = [
  { name: 'http', protocol: 'TCP', port: 80, nodePort: 30080, target: 8080 },
  { name: 'http3', protocol: 'UDP', port: 80, nodePort: 30080, target: 8080 },
  { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053, target: 8053 },
  { name: 'aaa', protocol: 'SCTP', port: 3868, nodePort: 30868, target: 3868 },
] as const;

const NAMES = ['web', 'api', 'db'] as const;

/** The third and the last contain the node's own address, but no load balancer's. */
const RANGES = [
  '198.51.100.0/24',
  '192.0.2.0/24',
  '192.0.2.8/29',
  '10.244.1.0/24',
  '2001:db8::/64',
  'fd00:244::/64',
  '2001:db8::10/124',
];

/** The first two are bound pods too; the last one of each family is an address of this node or of another one. */
const ENDPOINTS: Readonly<Record<Family, readonly string[]>> = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.1.3', '10.244.2.1', '10.244.2.2', '100.64.9.7', '192.0.2.10'],
  IPv6: ['fd00:244::1', 'fd00:244::2', 'fd00:244::3', '2001:db8:9::7', '2001:db8::10'],
};

const policy = fc.constantFrom('Cluster' as const, 'Local' as const);
const often = <T>(usual: T, ...others: T[]) => fc.constantFrom(usual, usual, usual, usual, ...others);
const someOf = (...texts: string[]) => fc.subarray(texts.map(ip));

/** Sometimes the NodePort is the one of the first Service. */
const servicePort = (index: number, port: (typeof PORTS)[number]): fc.Arbitrary<ServicePortFact> =>
  fc.option(often(index, 0), { freq: 3 }).map((offset) => ({
    name: port.name,
    protocol: port.protocol,
    port: portOf(port.port),
    nodePort: offset === null ? null : portOf(port.nodePort + offset),
  }));

const oneService = (name: string, index: number): fc.Arbitrary<ServiceFact> =>
  fc
    .record({
      createdAt: fc.constantFrom(1000, 2000),
      notOurs: often<NotOurs | null>(null, null, null, { kind: 'headless' }),
      clusterIPs: often(
        [`10.96.0.1${index}`, `fd00:96::1${index}`],
        [`10.96.0.1${index}`],
        [`fd00:96::1${index}`],
        [],
      ),
      externalIPs: someOf('203.0.113.7', '192.0.2.50', '192.0.2.51', '10.96.0.11', '2001:db8::77'),
      loadBalancerIPs: someOf('192.0.2.51', '198.18.0.51', '2001:db8::50'),
      loadBalancerSourceRanges: fc.option(fc.subarray(RANGES.map(cidr), { minLength: 1, maxLength: 3 })),
      ports: fc.tuple(...PORTS.map((port) => servicePort(index, port))),
      internalTrafficPolicy: policy,
      externalTrafficPolicy: policy,
      affinityTimeoutSeconds: often<number | null>(null, 10_800, 10),
    })
    .map((rest) => service({ ...rest, name, uid: `uid-${name}`, clusterIPs: rest.clusterIPs.map(ip) }));

/** Which hints the endpoints of a slice have: none; all of them zones, nodes or both; each at random. */
const hintsOf = {
  none: { zones: [[]], nodes: [[]] },
  zones: { zones: [['zone-1'], ['zone-1', 'zone-2'], ['zone-2']], nodes: [[]] },
  nodes: { zones: [[]], nodes: [['node-a'], ['node-b']] },
  both: { zones: [['zone-1'], ['zone-2']], nodes: [['node-a'], ['node-b']] },
  some: { zones: [[], ['zone-1'], ['zone-2']], nodes: [[], ['node-a'], ['node-b']] },
} as const satisfies Record<string, { zones: readonly string[][]; nodes: readonly string[][] }>;
type Hints = keyof typeof hintsOf;

const oneEndpoint = (family: Family, hints: Hints): fc.Arbitrary<EndpointFact> =>
  fc
    .record({
      address: fc.constantFrom(...ENDPOINTS[family]),
      ready: often(true, false),
      serving: often(true, false),
      terminating: often(false, true),
      nodeName: fc.constantFrom('node-a', 'node-a', 'node-b', 'node-b', null),
      zoneHints: fc.constantFrom<readonly string[]>(...hintsOf[hints].zones),
      nodeHints: fc.constantFrom<readonly string[]>(...hintsOf[hints].nodes),
    })
    .map(({ address, ...rest }) => endpoint(address, rest));

/** The second slice of a family has other ports, or the same endpoints again. */
const oneSlice = (
  name: string,
  family: Family,
  number: number,
  hints: Hints,
): fc.Arbitrary<EndpointSliceFact> =>
  fc
    .constantFrom(0, number)
    .chain((offset) =>
      fc.record({
        ports: fc.subarray(
          PORTS.map(({ name, protocol, target }) => ({ name, protocol, port: portOf(target + offset) })),
          { minLength: 3 },
        ),
        endpoints: fc.array(oneEndpoint(family, hints), { maxLength: 6, size: 'max' }),
      }),
    )
    .map(({ ports, endpoints }) =>
      slice(endpoints, { name: `${name}-${family}-${number}`, serviceName: name, family, ports }),
    );

/** A Service with up to three slices; sometimes the slices alone. */
const oneApplication = (name: string, index: number): fc.Arbitrary<FactChange[]> =>
  fc
    .constantFrom<Hints>('none', 'none', 'zones', 'nodes', 'both', 'some')
    .chain((hints) =>
      fc.record({
        service: fc.option(oneService(name, index), { freq: 9 }),
        first: oneSlice(name, 'IPv4', 0, hints),
        second: fc.option(oneSlice(name, 'IPv4', 1, hints), { freq: 2 }),
        v6: oneSlice(name, 'IPv6', 0, hints),
      }),
    )
    .map(({ service, first, second, v6 }) => [
      ...(service === null ? [] : [present('Service', service)]),
      ...[first, second, v6].flatMap((fact) => (fact === null ? [] : [present('EndpointSlice', fact)])),
    ]);

const oneEntry: fc.Arbitrary<PodNatEntry> = fc
  .record({
    sourceIP: fc.constantFrom('203.0.113.7', '192.0.2.10', '2001:db8::10', null),
    sourcePort: fc.constantFrom(24, 25, 80),
    destinationPort: fc.constantFrom(25, 8080),
    portCount: often(1, 3),
    protocol: fc.constantFrom<Protocol>('TCP', 'UDP', 'SCTP'),
    allow: fc.option(fc.subarray(['198.51.100.0/24', '2001:db8::/64'].map(cidr), { minLength: 1 }), {
      freq: 2,
    }),
    egress: often(true, false),
  })
  .map(({ sourceIP, sourcePort, destinationPort, ...rest }) =>
    natEntry({
      ...rest,
      interfaceAuto: sourceIP === null,
      sourceIP: sourceIP === null ? null : ip(sourceIP),
      sourcePort: portOf(sourcePort),
      destinationPort: portOf(destinationPort),
    }),
  );

const onePod = (number: number): fc.Arbitrary<PodFact> =>
  fc
    .record({
      entries: fc.array(oneEntry, { minLength: 1, maxLength: 3 }),
      createdAt: fc.constantFrom(1000, 2000),
      ready: often(true, false),
      ips: often([`10.244.1.${number}`, `fd00:244::${number}`], [`10.244.1.${number}`]),
    })
    .map(({ entries, ips, ...rest }) =>
      pod(entries, { ...rest, name: `smtp-${number}`, uid: `uid-${number}`, ips: ips.map(ip) }),
    );

const more = fc.oneof(fc.constant([]), fc.subarray(['10.244.1.254', '192.0.2.51', '2001:db8::50']));

/**
 * A node with an address of each family, since it must be able to masquerade; sometimes also with an address of a pod
 * network or of a load balancer.
 */
const realNode: fc.Arbitrary<NodeFacts> = fc.tuple(thisNode, more).map(([node, others]) => {
  const borne = new Set(node.localAddresses.map(({ address }) => address));
  const missing = ['192.0.2.10', '2001:db8::10', ...others].map(ip);
  const localAddresses = [
    ...node.localAddresses,
    ...missing.filter((address) => !borne.has(address)).map((address) => localAddress(address)),
  ];
  const nodeIPs = (['IPv4', 'IPv6'] as const).flatMap((family) => firstOf(family, localAddresses));
  return { ...node, nodeName: 'node-a', localAddresses, nodeIPs };
});

function firstOf(family: Family, all: NodeFacts['localAddresses']): IpAddress[] {
  return all
    .map(({ address }) => address)
    .filter((address) => familyOf(address) === family && !isLoopback(address))
    .slice(0, 1);
}

export const busyNode: fc.Arbitrary<BusyNode> = fc
  .record({
    node: realNode,
    applications: fc.tuple(
      ...NAMES.map((name, index) => fc.option(oneApplication(name, index), { freq: 4 })),
    ),
    pods: fc.tuple(...[1, 2].map((number) => fc.option(onePod(number), { freq: 4 }))),
    pools: fc.array(pool, { maxLength: 3 }),
    nodes: fc.array(nodeObject, { maxLength: 1 }),
  })
  .map(({ node, applications, pods, pools, nodes }) => ({
    node,
    changes: [
      ...applications.flatMap((changes) => changes ?? []),
      ...pods.flatMap((fact) => (fact === null ? [] : [present('Pod', fact)])),
      ...pools.map((fact) => present('IPPool', fact)),
      ...nodes.map((fact) => present('Node', fact)),
    ],
  }));
