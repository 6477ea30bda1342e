import fc from 'fast-check';
import type { EgressDestination, EgressRuleFact } from '../../src/model/egress-rule.ts';
import type { EndpointFact, EndpointPortFact, EndpointSliceFact } from '../../src/model/endpoint-slice.ts';
import type { FactChange, FactKind } from '../../src/model/facts.ts';
import type { FelixConfigurationFact } from '../../src/model/felix-configuration.ts';
import type { IpMasqAgentFact } from '../../src/model/ip-masq-agent.ts';
import type { LabelSelector } from '../../src/model/label-selector.ts';
import type { NamespaceFact } from '../../src/model/namespace.ts';
import type { NodeFact, NodeFacts } from '../../src/model/node.ts';
import type { PodFact, PodNatEntry } from '../../src/model/pod.ts';
import type { PoolFact } from '../../src/model/pool.ts';
import type { NotOurs, ServiceFact, ServicePortFact } from '../../src/model/service.ts';
import type { ServiceCidrFact } from '../../src/model/service-cidr.ts';
import { familyOf, type IpAddress } from '../../src/net/address.ts';
import type { Protocol } from '../../src/net/protocol.ts';
import { absent, cidr, hostListener, ip, localAddress, nodeFacts, portOf, present } from './build.ts';

/**
 * Facts for property tests. The universes are tiny on purpose: claims must collide, endpoints appear in several
 * slices, pods share addresses with one another and bindings with Services.
 */

const protocol = fc.constantFrom<Protocol>('TCP', 'TCP', 'TCP', 'UDP', 'UDP', 'UDP', 'SCTP');
/** Two creation times, so that many objects have the same age. */
const createdAt = fc.constantFrom(1000, 2000);
const nodeName = fc.constantFrom('node-a', 'node-b');
const portName = fc.constantFrom('', '', 'http');
const addresses = (...texts: string[]): fc.Arbitrary<IpAddress[]> => fc.subarray(texts.map(ip));

const servicePort: fc.Arbitrary<ServicePortFact> = fc.record({
  name: portName,
  protocol,
  port: fc.constantFrom(25, 80).map(portOf),
  nodePort: fc.option(fc.constantFrom(25, 30080).map(portOf)),
});

const policy = fc.constantFrom('Cluster' as const, 'Local' as const);

export const service: fc.Arbitrary<ServiceFact> = fc.record({
  namespace: fc.constant('shop'),
  name: fc.constantFrom('web', 'api', 'db'),
  uid: fc.constantFrom('uid-1', 'uid-2'),
  createdAt,
  notOurs: mostly<NotOurs | null>(null, { kind: 'headless' }),
  clusterIPs: addresses('10.96.0.10', '10.96.0.11', 'fd00:96::a'),
  externalIPs: addresses('203.0.113.7', '192.0.2.50'),
  loadBalancerIPs: addresses('192.0.2.50', '2001:db8::50'),
  loadBalancerSourceRanges: fc.option(
    fc.subarray([cidr('198.51.100.0/24'), cidr('192.0.2.0/24'), cidr('2001:db8::/64')], { minLength: 1 }),
  ),
  ports: fc.array(servicePort, { minLength: 1, maxLength: 2 }),
  internalTrafficPolicy: policy,
  externalTrafficPolicy: policy,
  affinityTimeoutSeconds: fc.option(fc.constantFrom(10, 10800)),
  healthCheckNodePort: fc.option(fc.constantFrom(31_000, 31_001).map(portOf), { freq: 4 }),
});

const endpointAddresses = {
  IPv4: ['10.244.1.1', '10.244.1.2', '10.244.2.1', '192.0.2.10'].map(ip),
  IPv6: ['fd00:244::1', 'fd00:244::2'].map(ip),
} as const;

const endpoint = (family: 'IPv4' | 'IPv6'): fc.Arbitrary<EndpointFact> =>
  fc.record({
    address: fc.constantFrom(...endpointAddresses[family]),
    state: fc.record({
      ready: mostly(true, false),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      nodeName: fc.option(nodeName),
      zoneHints: fc.subarray(['zone-1', 'zone-2']),
      nodeHints: fc.subarray(['node-a', 'node-b']),
    }),
  });

const endpointPorts: readonly EndpointPortFact[] = [
  { name: '', protocol: 'TCP', port: portOf(8080) },
  { name: '', protocol: 'TCP', port: portOf(8081) },
  { name: '', protocol: 'UDP', port: portOf(8080) },
  { name: 'http', protocol: 'TCP', port: portOf(8080) },
];

export const endpointSlice: fc.Arbitrary<EndpointSliceFact> = fc
  .constantFrom('IPv4' as const, 'IPv4' as const, 'IPv6' as const)
  .chain((family) =>
    fc.record({
      namespace: fc.constant('shop'),
      name: fc.constantFrom('slice-1', 'slice-2', 'slice-3'),
      serviceName: fc.constantFrom('web', 'api', 'db'),
      family: fc.constant(family),
      ports: fc.subarray([...endpointPorts], { minLength: 1 }),
      endpoints: fc.array(endpoint(family), { minLength: 1, maxLength: 4 }),
      lastChangeTriggerAt: fc.constant(null),
    }),
  );

const natEntry: fc.Arbitrary<PodNatEntry> = fc
  .record({
    sourceIP: fc.oneof(
      fc.constant(null),
      fc.constantFrom('203.0.113.7', '192.0.2.10', '192.0.2.99', '2001:db8::10').map(ip),
    ),
    sourcePort: fc.constantFrom(24, 25, 25, 80, 2379).map(portOf),
    destinationPort: fc.constantFrom(25, 8080).map(portOf),
    portCount: fc.constantFrom(1, 1, 3),
    protocol,
    allow: fc.option(fc.subarray([cidr('198.51.100.0/24'), cidr('2001:db8::/64')])),
    egress: fc.boolean(),
    takeover: fc.boolean(),
  })
  .map((entry) => ({ ...entry, interfaceAuto: entry.sourceIP === null }));

export const pod: fc.Arbitrary<PodFact> = fc.record({
  namespace: fc.constant('mail'),
  name: fc.constantFrom('smtp-1', 'smtp-2', 'smtp-3'),
  uid: fc.constantFrom('uid-1', 'uid-2'),
  createdAt,
  labels: fc.constantFrom<Readonly<Record<string, string>>[]>({}, { app: 'smtp' }),
  nodeName: fc.constantFrom('node-a', 'node-a', 'node-b'),
  hostNetwork: mostly(false, true),
  finished: mostly(false, true),
  terminating: mostly(false, true),
  ready: mostly(true, false),
  ips: fc.subarray(['10.244.1.1', '10.244.1.2', 'fd00:244::1'].map(ip), { minLength: 1 }),
  hostPorts: fc.constantFrom<PodFact['hostPorts'][]>(
    [],
    [],
    [{ protocol: 'TCP', port: portOf(25), address: null, families: ['IPv4', 'IPv6'] }],
    [{ protocol: 'UDP', port: portOf(25), address: ip('203.0.113.7'), families: ['IPv4'] }],
  ),
  nat: fc.option(
    fc.record({
      entries: fc.array(natEntry, { minLength: 1, maxLength: 2 }),
      error: mostly<string | null>(null, 'port 0 is reserved and cannot be used'),
      warnings: fc.subarray(['unknown key "x"']),
    }),
    { freq: 8 },
  ),
});

export const pool: fc.Arbitrary<PoolFact> = fc.record({
  name: fc.constantFrom('pool-1', 'pool-2', 'pool-3'),
  cidr: fc.constantFrom('10.244.0.0/16', '10.244.1.0/24', '10.0.0.0/8', 'fd00:244::/48').map(cidr),
  natOutgoing: fc.boolean(),
  disabled: fc.boolean(),
  loadBalancerOnly: mostly(false, true),
});

const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.constantFrom<Record<string, string>>({}, { app: 'smtp' }, { team: 'mail' }),
  matchExpressions: fc.constant([]),
});

const egressDestination: fc.Arbitrary<EgressDestination> = fc
  .record({
    cidr: fc
      .constantFrom('198.51.100.0/24', '198.51.100.9/32', '0.0.0.0/0', '10.0.0.0/8', '10.244.1.0/24')
      .chain((four) => fc.constantFrom(four, four, '2001:db8:9::/64', '::/0'))
      .map(cidr),
    protocol: fc.option(protocol),
    ports: fc.option(fc.constantFrom({ first: 25, last: 25 }, { first: 24, last: 80 })),
  })
  .map((to) => (to.protocol === null ? { ...to, ports: null } : to));

export const egressRule: fc.Arbitrary<EgressRuleFact> = fc
  .record({
    name: fc.constantFrom('rule-1', 'rule-2', 'rule-3'),
    priority: fc.constantFrom(10, 20),
    reason: fc.constantFrom('', 'the partner knows this address'),
    pools: mostly<readonly string[]>([], ['pool-1']),
    namespaceSelector: fc.option(selector, { freq: 1 }),
    podSelector: fc.option(selector, { freq: 1 }),
    to: fc.oneof(fc.constant([]), fc.array(egressDestination, { minLength: 1, maxLength: 3 })),
    action: fc.constantFrom('Keep' as const, 'Masquerade' as const, 'Snat' as const, 'Snat' as const),
    addresses: fc.subarray(['203.0.113.7', '203.0.113.8', '192.0.2.99', '2001:db8::10'].map(ip), {
      minLength: 1,
    }),
    fallback: fc.constantFrom('node' as const, 'drop' as const),
  })
  .map((rule) => (rule.action === 'Snat' ? rule : { ...rule, addresses: [], fallback: 'node' as const }));

const ipMasqAgent: fc.Arbitrary<IpMasqAgentFact> = fc.record({
  name: fc.constant('ip-masq-agent'),
  nonMasqueradeCIDRs: fc.subarray([cidr('10.0.0.0/8'), cidr('192.0.2.0/24'), cidr('fd00::/8')]),
  masqLinkLocal: fc.boolean(),
  masqLinkLocalIPv6: fc.boolean(),
});

export const nodeObject: fc.Arbitrary<NodeFact> = fc.record({
  name: nodeName,
  uid: fc.constant(''),
  addresses: addresses('192.0.2.10', '192.0.2.11', '2001:db8::11').map((all) =>
    all.map((address) => ({ type: 'InternalIP' as const, address })),
  ),
  podCIDRs: fc.constant([]),
  labels: fc.constant({}),
  terminating: fc.constant(false),
  excludedByAutoscaler: fc.constant(false),
});

export const felix: fc.Arbitrary<FelixConfigurationFact> = fc.record({
  name: fc.constant('default'),
  natPortRange: fc.option(fc.constant([{ first: portOf(40_000), last: portOf(49_999) }])),
  natOutgoingAddress: addresses('203.0.113.7', '2001:db8::10'),
  iptablesNATOutgoingInterfaceFilter: fc.constantFrom(null, 'eth1', 'eth+'),
  natOutgoingExclusions: fc.constantFrom(null, 'IPPoolsOnly' as const, 'IPPoolsAndHostIPs' as const),
});

export const namespace: fc.Arbitrary<NamespaceFact> = fc.record({
  name: fc.constantFrom('mail', 'shop'),
  labels: fc.constantFrom<Readonly<Record<string, string>>[]>({}, { team: 'mail' }),
});

/** One of them is a single address, that of a Service which another proxy may serve. */
export const serviceCidr: fc.Arbitrary<ServiceCidrFact> = fc.record({
  name: fc.constantFrom('kubernetes', 'more'),
  cidrs: fc.subarray(['10.96.0.0/24', '192.0.2.50/32', 'fd00:96::/112'].map(cidr), { minLength: 1 }),
});

/** The facts of the plan's node, in several states. */
export const thisNode: fc.Arbitrary<NodeFacts> = fc
  .record({
    nodeName: fc.constantFrom('node-a', 'node-a', 'node-b'),
    localAddresses: addresses('192.0.2.10', '203.0.113.7', '203.0.113.8', '2001:db8::10', '127.0.0.1'),
    podCIDRs: fc.subarray([cidr('10.244.0.0/16'), cidr('fd00:244::/48')]),
    podAddressesFrom: fc.subarray(['IPPool' as const, 'Pod' as const]),
    podInterface: fc.option(
      fc.constantFrom(
        { name: 'cni0', isPrefix: false },
        { name: 'cni', isPrefix: true },
        { name: 'cni', isPrefix: false },
        { name: 'eth', isPrefix: true },
      ),
      { freq: 2 },
    ),
    nodePortAddresses: fc.option(fc.subarray([cidr('0.0.0.0/0'), cidr('192.0.2.0/24'), cidr('::/0')])),
    serviceCIDRs: mostly(['10.96.0.0/16', 'fd00:96::/112'].map(cidr), [] as ReturnType<typeof cidr>[]),
    masqueradeAll: fc.boolean(),
    topologyLabels: fc.constantFrom({}, { 'topology.kubernetes.io/zone': 'zone-1' }),
    listeners: fc.subarray([
      hostListener(25),
      hostListener(24, { address: ip('203.0.113.7') }),
      hostListener(80, { protocol: 'UDP', families: ['IPv4', 'IPv6'] }),
    ]),
    reservedPorts: fc.subarray([{ first: 2000, last: 2999 }]),
  })
  .map(({ localAddresses, podCIDRs, podAddressesFrom, podInterface, ...rest }) =>
    nodeFacts({
      ...rest,
      podInterface,
      podCIDRs: podInterface === null ? podCIDRs : [], // pods are recognised by one or the other
      podAddressesFrom: podInterface === null ? podAddressesFrom : [],
      podNetworks: podInterface === null ? [] : podCIDRs,
      nodeIPs: firstOfEachFamily(localAddresses),
      localAddresses: localAddresses.map((address) => localAddress(address)),
    }),
  );

const names: Readonly<Record<FactKind, readonly string[]>> = {
  Service: ['shop/web', 'shop/api', 'shop/db'],
  EndpointSlice: ['shop/slice-1', 'shop/slice-2', 'shop/slice-3'],
  Pod: ['mail/smtp-1', 'mail/smtp-2', 'mail/smtp-3'],
  Node: ['node-a', 'node-b'],
  IPPool: ['pool-1', 'pool-2', 'pool-3'],
  FelixConfiguration: ['default'],
  Namespace: ['mail', 'shop'],
  EgressRule: ['rule-1', 'rule-2', 'rule-3'],
  IpMasqAgent: ['ip-masq-agent'],
  ServiceCIDR: ['kubernetes', 'more'],
};

const deletion: fc.Arbitrary<FactChange> = fc
  .constantFrom(...(Object.keys(names) as FactKind[]))
  .chain((kind) => fc.constantFrom(...names[kind]).map((key) => absent(kind, key)));

/** A change that adds, changes or removes any object. */
export const factChange: fc.Arbitrary<FactChange> = fc.oneof(
  { weight: 4, arbitrary: service.map((fact) => present('Service', fact)) },
  { weight: 6, arbitrary: endpointSlice.map((fact) => present('EndpointSlice', fact)) },
  { weight: 5, arbitrary: pod.map((fact) => present('Pod', fact)) },
  { weight: 1, arbitrary: nodeObject.map((fact) => present('Node', fact)) },
  { weight: 1, arbitrary: felix.map((fact) => present('FelixConfiguration', fact)) },
  { weight: 1, arbitrary: namespace.map((fact) => present('Namespace', fact)) },
  { weight: 2, arbitrary: pool.map((fact) => present('IPPool', fact)) },
  { weight: 2, arbitrary: egressRule.map((fact) => present('EgressRule', fact)) },
  { weight: 1, arbitrary: ipMasqAgent.map((fact) => present('IpMasqAgent', fact)) },
  { weight: 1, arbitrary: serviceCidr.map((fact) => present('ServiceCIDR', fact)) },
  { weight: 4, arbitrary: deletion },
);

/** The value in four of five cases. */
function mostly<Value>(value: Value, other: Value): fc.Arbitrary<Value> {
  return fc.constantFrom(value, value, value, value, other);
}

function firstOfEachFamily(all: readonly IpAddress[]): IpAddress[] {
  return all.filter((one, index) => all.findIndex((other) => familyOf(other) === familyOf(one)) === index);
}
