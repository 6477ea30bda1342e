import type { EndpointSliceFact } from '../src/model/endpoint-slice.ts';
import type { FactChange } from '../src/model/facts.ts';
import type { NodeFacts } from '../src/model/node.ts';
import type { ServiceFact } from '../src/model/service.ts';
import { addressFromNumber, addressNumber, type IpAddress, parseAddress } from '../src/net/address.ts';
import type { Family } from '../src/net/family.ts';
import { prefixOf } from '../src/net/prefix.ts';
import { endpoint, portOf } from '../test/generators/build.ts';
import { node } from '../test/generators/large-cluster.ts';

/** A Service of the benchmark, with one port (80). */
export interface BenchService {
  readonly name: string;
  readonly clusterIP: IpAddress;
  readonly protocol: 'tcp' | 'udp';
  readonly nodePort: number | null;
  readonly affinity: boolean;
  readonly endpoints: readonly { readonly address: IpAddress; readonly port: number }[];
}

/** The cluster that every node gets. */
export interface BenchCluster {
  readonly family: Family;
  readonly nodeAddress: IpAddress;
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  readonly services: readonly BenchService[];
}

/** Networks of a family: pods, Services, and the outside. */
export const NETWORKS = {
  IPv4: {
    node: '203.0.113.1',
    podCIDR: '10.128.0.0/9',
    client: '10.128.0.10',
    endpoint: '10.129.0.1',
    pod: '10.130.0.1',
    serviceCIDR: '10.96.0.0/12',
    clusterIP: '10.96.0.1',
    outside: '198.51.100.1',
    visitor: '192.0.2.10',
  },
  IPv6: {
    node: '2001:db8:1::1',
    podCIDR: 'fd00:80::/32',
    client: 'fd00:80::1:0',
    endpoint: 'fd00:80:1::1',
    pod: 'fd00:80:2::1',
    serviceCIDR: 'fd00:96::/112',
    clusterIP: 'fd00:96::1',
    outside: '2001:db8:2::1',
    visitor: '2001:db8:3::10',
  },
} as const satisfies Record<Family, unknown>;

/** The Services that classes of packets name, by their index. */
export const SERVICE = { tcp: 0, udp: 1, nodePort: 2, affinity: 3, single: 4 } as const;
/** A cluster has at least these Services. */
export const FEWEST_SERVICES = Object.keys(SERVICE).length;
/** Services with one endpoint; the reply to a UDP packet must be known. */
const SINGLE: readonly number[] = [SERVICE.udp, SERVICE.single];

export const NODE_PORT = 30080;
export const ENDPOINT_PORT = 8080;

export function ip(text: string, plus = 0): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(text);
  if (plus === 0) return address;
  const family: Family = text.includes(':') ? 'IPv6' : 'IPv4';
  return addressFromNumber(family, addressNumber(address) + BigInt(plus));
}

/** Makes Services with this many endpoints each, two of them with a single one. */
export function benchCluster(family: Family, services: number, endpoints: number): BenchCluster {
  const networks = NETWORKS[family];
  return {
    family,
    nodeAddress: ip(networks.node),
    podCIDR: networks.podCIDR,
    serviceCIDR: networks.serviceCIDR,
    services: Array.from({ length: services }, (_, index) => ({
      name: `s${index}`,
      clusterIP: ip(networks.clusterIP, index),
      protocol: index === SERVICE.udp ? 'udp' : 'tcp',
      nodePort: index === SERVICE.nodePort ? NODE_PORT : null,
      affinity: index === SERVICE.affinity,
      endpoints: Array.from({ length: SINGLE.includes(index) ? 1 : endpoints }, (_, slot) => ({
        address: ip(networks.endpoint, index * endpoints + slot),
        port: ENDPOINT_PORT,
      })),
    })),
  };
}

/** The node's facts, with the addresses and networks of both families. */
export function nodeOf(clusters: readonly BenchCluster[]): NodeFacts {
  return {
    ...node,
    nodeIPs: clusters.map(({ nodeAddress }) => nodeAddress),
    localAddresses: clusters.map(({ nodeAddress }) => ({
      address: nodeAddress,
      interfaceName: 'sink',
      eligible: true,
      onDefaultRoute: true,
      byRoute: null,
    })),
    podCIDRs: clusters.map(({ podCIDR }) => prefixOf(podCIDR)),
    serviceCIDRs: clusters.map(({ serviceCIDR }) => prefixOf(serviceCIDR)),
  };
}

/** The objects of the cluster as facts; the pool makes pods leave with the node's address. */
export function factsOf({ family, podCIDR, services }: BenchCluster): FactChange[] {
  const pool: FactChange = {
    kind: 'IPPool',
    key: `pods-${family}`,
    fact: {
      name: 'pods',
      cidr: prefixOf(podCIDR),
      natOutgoing: true,
      disabled: false,
      loadBalancerOnly: false,
    },
  };
  return [
    pool,
    ...services.flatMap((service): FactChange[] => {
      const { name, clusterIP, nodePort, affinity, endpoints } = service;
      const protocol = service.protocol === 'tcp' ? 'TCP' : 'UDP';
      const fact: ServiceFact = {
        namespace: `bench-${family}`,
        name,
        uid: name,
        createdAt: 0,
        notOurs: null,
        clusterIPs: [clusterIP],
        externalIPs: [],
        loadBalancerIPs: [],
        loadBalancerSourceRanges: null,
        ports: [
          { name: '', protocol, port: portOf(80), nodePort: nodePort === null ? null : portOf(nodePort) },
        ],
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
        affinityTimeoutSeconds: affinity ? 10_800 : null,
        healthCheckNodePort: null,
      };
      const slice: EndpointSliceFact = {
        namespace: `bench-${family}`,
        name: `${name}-slice`,
        serviceName: name,
        family,
        ports: [{ name: '', protocol, port: portOf(ENDPOINT_PORT) }],
        endpoints: endpoints.map(({ address }) => endpoint(address)),
        lastChangeTriggerAt: null,
      };
      return [
        { kind: 'Service', key: `bench-${family}/${name}`, fact },
        { kind: 'EndpointSlice', key: `bench-${family}/${slice.name}`, fact: slice },
      ];
    }),
  ];
}
