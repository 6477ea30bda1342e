import {
  type BenchCluster,
  type BenchService,
  ENDPOINT_PORT,
  ip,
  NETWORKS,
  NODE_PORT,
  SERVICE,
} from '../cluster.ts';
import { type InterfaceName, interfaceName, type SocketAddress, socketAddress } from '../tcp.ts';
import { addressesAt } from './wiring.ts';

const CLASSES = ['pod to pod', 'ClusterIP', 'ClusterIP, 1 endpoint', 'NodePort'] as const;
type ConnectionClass = (typeof CLASSES)[number];

/** The nodes between the client and the server. */
export const NODES = ['untracked', 'tracking', 'one-rule', 'knat', 'kube-proxy'] as const;
export type NodeName = (typeof NODES)[number];

const CLASSES_AT: Readonly<Record<NodeName, readonly ConnectionClass[]>> = {
  untracked: ['pod to pod'],
  tracking: ['pod to pod'],
  'one-rule': ['pod to pod', 'ClusterIP, 1 endpoint'],
  knat: CLASSES,
  'kube-proxy': CLASSES,
};

/** What the client connects to through one node. */
export interface Lane {
  readonly node: NodeName;
  readonly class: ConnectionClass;
  readonly to: SocketAddress;
  readonly through: InterfaceName;
}

export function lanesOf(cluster: BenchCluster): Lane[] {
  return NODES.flatMap((node, index) => {
    const to: Record<ConnectionClass, SocketAddress> = {
      'pod to pod': socketAddress(ip(NETWORKS.IPv4.pod), ENDPOINT_PORT),
      ClusterIP: socketAddress(serviceOf(cluster, 'tcp').clusterIP, 80),
      'ClusterIP, 1 endpoint': socketAddress(serviceOf(cluster, 'single').clusterIP, 80),
      NodePort: socketAddress(addressesAt(index).node, NODE_PORT),
    };
    const through = interfaceName(node);
    return CLASSES_AT[node].map((name): Lane => ({ node, class: name, to: to[name], through }));
  });
}

/** One rule that translates one ClusterIP to its one endpoint, and an empty chain: about the least that NAT with nftables can be. */
export function oneRule(cluster: BenchCluster): string {
  const { clusterIP, endpoints } = serviceOf(cluster, 'single');
  return `table ip one-rule {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr ${clusterIP} tcp dport 80 dnat to ${endpoints[0]?.address}:${ENDPOINT_PORT}
  }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept; }
}
`;
}

function serviceOf({ services }: BenchCluster, which: keyof typeof SERVICE): BenchService {
  const service = services[SERVICE[which]];
  if (service === undefined) throw new Error(`the cluster has no Service ${which}`);
  return service;
}
