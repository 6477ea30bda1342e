import type { EgressRuleFact } from '../../src/model/egress-rule.ts';
import type { EndpointFact, EndpointSliceFact, EndpointState } from '../../src/model/endpoint-slice.ts';
import type { FactChange, FactKind, FactTypes } from '../../src/model/facts.ts';
import type { HostListener, LocalAddress, NodeFact, NodeFacts } from '../../src/model/node.ts';
import { objectKey } from '../../src/model/object.ts';
import type { PodFact, PodNatEntry } from '../../src/model/pod.ts';
import type { PoolFact } from '../../src/model/pool.ts';
import type { ServiceFact, ServicePortFact } from '../../src/model/service.ts';
import { familyOf, type IpAddress, parseAddress } from '../../src/net/address.ts';
import { type Port, parsePort } from '../../src/net/port.ts';
import { type Prefix, prefixOf } from '../../src/net/prefix.ts';

/** Short builders of facts for tests: each fills in what the test leaves out. */

export function ip(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`${text} is no address`);
  return address;
}

export const cidr: (text: string) => Prefix = prefixOf;

export function portOf(number: number): Port {
  const port = parsePort(number);
  if (port === null) throw new TypeError(`${number} is no port`);
  return port;
}

export function servicePort(port: number, rest: Partial<ServicePortFact> = {}): ServicePortFact {
  return { name: '', protocol: 'TCP', port: portOf(port), nodePort: null, ...rest };
}

/** A ClusterIP Service `shop/web` at 10.96.0.10:80/TCP. */
export function service(rest: Partial<ServiceFact> = {}): ServiceFact {
  return {
    namespace: 'shop',
    name: 'web',
    uid: 'uid-web',
    createdAt: 1000,
    notOurs: null,
    clusterIPs: [ip('10.96.0.10')],
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: null,
    ports: [servicePort(80)],
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    affinityTimeoutSeconds: null,
    healthCheckNodePort: null,
    ...rest,
  };
}

/** A ready endpoint on no known node. */
export function endpoint(address: string, rest: Partial<EndpointState> = {}): EndpointFact {
  const state = {
    ready: true,
    serving: rest.ready ?? true,
    terminating: false,
    nodeName: null,
    zoneHints: [],
    nodeHints: [],
    ...rest,
  };
  return { address: ip(address), state };
}

/** A slice of `shop/web` with one unnamed TCP port 8080. */
export function slice(
  endpoints: readonly (EndpointFact | string)[],
  rest: Partial<EndpointSliceFact> = {},
): EndpointSliceFact {
  const facts = endpoints.map((one) => (typeof one === 'string' ? endpoint(one) : one));
  return {
    namespace: 'shop',
    name: 'web-1',
    serviceName: 'web',
    family: facts[0] === undefined ? 'IPv4' : familyOf(facts[0].address),
    ports: [{ name: '', protocol: 'TCP', port: portOf(8080) }],
    endpoints: facts,
    lastChangeTriggerAt: null,
    ...rest,
  };
}

/** Binds port 25 of the node's public address to port 25 of the pod. */
export function natEntry(rest: Partial<PodNatEntry> = {}): PodNatEntry {
  return {
    interfaceAuto: true,
    sourceIP: null,
    sourcePort: portOf(25),
    destinationPort: portOf(25),
    portCount: 1,
    protocol: 'TCP',
    allow: null,
    egress: true,
    takeover: false,
    ...rest,
  };
}

/** A ready pod `mail/smtp` on node `node-a` at 10.244.1.5, with these entries in its annotation. */
export function pod(entries: readonly PodNatEntry[], rest: Partial<PodFact> = {}): PodFact {
  return {
    namespace: 'mail',
    name: 'smtp',
    uid: 'uid-smtp',
    createdAt: 1000,
    labels: {},
    nodeName: 'node-a',
    hostNetwork: false,
    finished: false,
    terminating: false,
    ready: true,
    ips: [ip('10.244.1.5')],
    hostPorts: [],
    nat: { entries, error: null, warnings: [] },
    ...rest,
  };
}

export function pool(name: string, prefix: string, rest: Partial<PoolFact> = {}): PoolFact {
  return { name, cidr: cidr(prefix), natOutgoing: false, disabled: false, loadBalancerOnly: false, ...rest };
}

/** By default a rule that keeps the source of every pod's packets to every destination. */
export function egressRuleFact(rest: Partial<EgressRuleFact> = {}): EgressRuleFact {
  return {
    name: 'rule',
    priority: 1000,
    reason: '',
    pools: [],
    namespaceSelector: null,
    podSelector: null,
    to: [],
    action: 'Keep',
    addresses: [],
    fallback: 'node',
    ...rest,
  };
}

export function nodeObject(name: string, addresses: readonly string[]): NodeFact {
  return {
    name,
    uid: '',
    addresses: addresses.map((address) => ({ type: 'InternalIP' as const, address: ip(address) })),
    podCIDRs: [],
    labels: {},
    terminating: false,
    excludedByAutoscaler: false,
  };
}

export function localAddress(address: string, rest: Partial<LocalAddress> = {}): LocalAddress {
  return {
    address: ip(address),
    interfaceName: 'eth0',
    eligible: true,
    onDefaultRoute: false,
    byRoute: null,
    ...rest,
  };
}

/** A socket of the host that listens on the TCP port of every IPv4 address. */
export function hostListener(port: number, rest: Partial<HostListener> = {}): HostListener {
  return { protocol: 'TCP', port: portOf(port), address: null, families: ['IPv4'], ...rest };
}

/** Node `node-a`: 192.0.2.10 and 203.0.113.7 (public: only the latter's network leaves by the default route). */
export function nodeFacts(rest: Partial<NodeFacts> = {}): NodeFacts {
  return {
    nodeName: 'node-a',
    nodeIPs: [ip('192.0.2.10'), ip('2001:db8::10')],
    localAddresses: [
      localAddress('192.0.2.10'),
      localAddress('203.0.113.7', { interfaceName: 'eth1', onDefaultRoute: true }),
      localAddress('2001:db8::10'),
    ],
    podCIDRs: [cidr('10.244.0.0/16'), cidr('fd00:244::/48')],
    podAddressesFrom: [],
    podInterface: null,
    podNetworks: [],
    serviceCIDRs: [cidr('10.96.0.0/16'), cidr('fd00:96::/112')],
    nodePortAddresses: null,
    masqueradeAll: false,
    topologyLabels: {},
    listeners: [],
    portRules: [],
    reservedPorts: [],
    ...rest,
  };
}

/** The change that adds or replaces the fact. */
export function present<Kind extends FactKind>(kind: Kind, fact: FactTypes[Kind]): FactChange {
  const { name } = fact;
  const key = objectKey('namespace' in fact ? fact.namespace : '', name);
  return { kind, key, fact } as FactChange;
}

/** The change that removes the object. */
export function absent(kind: FactKind, key: string): FactChange {
  return { kind, key, fact: null };
}
