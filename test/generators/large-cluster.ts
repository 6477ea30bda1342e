import type { EndpointFact, EndpointSliceFact, EndpointState } from '../../src/model/endpoint-slice.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import type { ServiceFact } from '../../src/model/service.ts';
import { addressFromNumber, type IpAddress } from '../../src/net/address.ts';
import { prefixOf } from '../../src/net/prefix.ts';
import { portOf } from './build.ts';

/** The facts of a cluster with this many ClusterIP Services, each with this many endpoints that no other has. */
export interface ClusterSize {
  readonly services: number;
  readonly endpoints: number;
}

const FIRST_CLUSTER_IP = 0x0a60_0001n; // 10.96.0.1
const FIRST_POD = 0x0a80_0001n; // 10.128.0.1
const none: readonly never[] = Object.freeze([]);
/** Facts share equal values, as those that parsers make. */
const namespaces = Array.from({ length: 100 }, (_, index) => `namespace-${index}`);
const states = Array.from({ length: 10 }, (_, index): EndpointState => {
  const conditions = { ready: true, serving: true, terminating: false };
  return { ...conditions, nodeName: `node-${index}`, zoneHints: none, nodeHints: none };
});
const servicePorts = [{ name: 'http', protocol: 'TCP', port: portOf(80), nodePort: null }] as const;
const slicePorts = [{ name: 'http', protocol: 'TCP', port: portOf(8080) }] as const;

export const node: NodeFacts = {
  nodeName: 'node-0',
  nodeIPs: [ip(0xcb00_7101n)],
  localAddresses: [
    { address: ip(0xcb00_7101n), interfaceName: 'eth0', eligible: true, onDefaultRoute: true, byRoute: null },
  ],
  podCIDRs: [prefixOf('10.128.0.0/24')],
  podAddressesFrom: [],
  podInterface: null,
  podNetworks: [],
  serviceCIDRs: [prefixOf('10.96.0.0/12')],
  nodePortAddresses: null,
  masqueradeAll: false,
  listeners: [],
  portRules: [],
  reservedPorts: [],
  topologyLabels: {},
};

export function serviceFact(index: number): ServiceFact {
  return {
    namespace: namespaces[index % 100] ?? '',
    name: ['service', index].join('-'),
    uid: `uid-${index}`,
    createdAt: index,
    notOurs: null,
    clusterIPs: [ip(FIRST_CLUSTER_IP + BigInt(index))],
    externalIPs: none,
    loadBalancerIPs: none,
    loadBalancerSourceRanges: null,
    ports: servicePorts,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    affinityTimeoutSeconds: null,
    healthCheckNodePort: null,
  };
}

/** The slice of a Service; `shift` moves its last endpoint to another address. */
export function sliceFact(index: number, count: number, shift = 0): EndpointSliceFact {
  const endpoints = Array.from({ length: count }, (_, i): EndpointFact => {
    const moved = i === count - 1 ? BigInt(shift) * 0x10_0000n : 0n;
    const state = states[i % states.length] as EndpointState;
    return { address: ip(FIRST_POD + BigInt(index * count + i) + moved), state };
  });
  return {
    namespace: namespaces[index % 100] ?? '',
    name: ['service', index, 'abcde'].join('-'),
    serviceName: ['service', index].join('-'),
    family: 'IPv4',
    ports: slicePorts,
    endpoints,
    lastChangeTriggerAt: null,
  };
}

function ip(number: bigint): IpAddress {
  return addressFromNumber('IPv4', number);
}
