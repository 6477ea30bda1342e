import type { IpAddress } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import { type Dual, lanAddress, outsideAddress, podAddress, podCIDRs } from './address-plan.ts';
import {
  blackholeLines,
  bridgeLines,
  eth0Lines,
  forwarderSettings,
  pairLine,
  portLines,
  routeLines,
  secludedEth0Lines,
} from './cabling.ts';
import type { Host } from './host.ts';
import type { Lab } from './lab.ts';

export interface ClusterOptions {
  /** Names of the pods of each node, by the node's name; at most 15 characters each. */
  readonly nodes?: Readonly<Record<string, readonly string[]>>;
  /** Names of the hosts outside; the first has the address 198.51.100.10. */
  readonly outside?: readonly string[];
  /** The router has routes to the pods. False (default): packets from pod addresses get no answer from outside. */
  readonly routesToPods?: boolean;
  /**
   * True: pods of a node reach each other over the bridge, as with the CNI plugin `bridge`. Replies then bypass the
   * node's NAT unless br_netfilter is loaded. False (default): they send everything to the node, as with `ptp` and
   * Calico.
   */
  readonly podsShareSubnet?: boolean;
}

/** A host with an address of each family on its `eth0`. */
export interface ClusterHost {
  readonly name: string;
  readonly host: Host;
  readonly addresses: Dual<IpAddress>;
}

export interface ClusterPod extends ClusterHost {
  readonly nodeName: string;
}

export interface ClusterNode extends ClusterHost {
  readonly podCIDRs: Dual<Prefix>;
  /** The node's own address in its pod network, on the bridge `cni0`. */
  readonly podGateway: Dual<IpAddress>;
  readonly pods: readonly ClusterPod[];
}

const DEFAULT_NODES = { node1: ['pod1a', 'pod1b'], node2: ['pod2a', 'pod2b'] };

/**
 * A cluster as a container network plugin of the common kind would build it, in both families:
 *
 *     outside   client
 *        │        │        198.51.100.0/24
 *     ═══╧════════╧═══ wan
 *        network           routes between its two switches, knows no pods and no services
 *     ═══╤════════╤═══ lan
 *        │        │        203.0.113.0/24
 *      node1    node2      forward; each knows the way to the other's pods
 *     ══╤═╤══  ══╤═╤══ cni0
 *     pods 1   pods 2      10.244.1.0/24, 10.244.2.0/24
 *
 * A pod on the host network is the node's own `host`. There is no NAT anywhere: that is for the guest to bring.
 */
export class Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly pods: readonly ClusterPod[];
  readonly outside: readonly ClusterHost[];
  /** The LAN switch, the outside switch, and the router between them. */
  readonly network: Host;

  private constructor(network: Host, outside: readonly ClusterHost[], nodes: readonly ClusterNode[]) {
    this.network = network;
    this.outside = outside;
    this.nodes = nodes;
    this.pods = nodes.flatMap((node) => node.pods);
  }

  static async build(lab: Lab, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.#gather(lab, options);
    const forwarders = [cluster.network, ...cluster.nodes.map((node) => node.host)];
    await Promise.all(forwarders.map((host) => host.sysctl(forwarderSettings)));
    await plugCables(cluster);
    await setUpHosts(cluster, options);
    return cluster;
  }

  /** Throws when there is none. */
  node(name: string): ClusterNode {
    return named(name, this.nodes);
  }

  /** A node, pod or outside host by name; throws when there is none. */
  host(name: string): ClusterHost {
    return named(name, [...this.nodes, ...this.pods, ...this.outside]);
  }

  static async #gather(lab: Lab, options: ClusterOptions): Promise<Cluster> {
    const plan = Object.entries(options.nodes ?? DEFAULT_NODES);
    const outsideNames = options.outside ?? ['outside', 'client'];
    const names = ['network', ...outsideNames, ...plan.flatMap(([node, pods]) => [node, ...pods])];
    const hosts = await lab.addHosts(names);
    const outside = outsideNames.map((name, index): ClusterHost => {
      return { name, host: named(name, hosts), addresses: outsideAddress(10 + index) };
    });
    const nodes = plan.map(([nodeName, podNames], index): ClusterNode => {
      const number = index + 1;
      const pods = podNames.map((name, podIndex): ClusterPod => {
        return { name, nodeName, host: named(name, hosts), addresses: podAddress(number, 10 + podIndex) };
      });
      return {
        name: nodeName,
        host: named(nodeName, hosts),
        addresses: lanAddress(10 + number),
        podCIDRs: podCIDRs(number),
        podGateway: podAddress(number, 1),
        pods,
      };
    });
    return new Cluster(named('network', hosts), outside, nodes);
  }
}

function named<T extends { readonly name: string }>(name: string, all: readonly T[]): T {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name} in the lab`);
  return found;
}

/** Each cable has `eth0` at one end, and at the other a port with the first host's name. */
async function plugCables({ nodes, outside, network }: Cluster): Promise<void> {
  await network.ip([
    ...[...outside, ...nodes].map(({ host }) => pairLine(host, network)),
    ...nodes.flatMap((node) => node.pods.map(({ host }) => pairLine(host, node.host))),
  ]);
}

async function setUpHosts(cluster: Cluster, options: ClusterOptions): Promise<void> {
  const podLines = options.podsShareSubnet ? eth0Lines : secludedEth0Lines;
  await Promise.all([
    setUpNetwork(cluster, options.routesToPods ?? false),
    ...cluster.nodes.map((node) => setUpNode(node, cluster)),
    ...cluster.outside.map(({ host, addresses }) => host.ip(eth0Lines(addresses, outsideAddress(1)))),
    ...cluster.nodes.flatMap(({ pods, podGateway }) =>
      pods.map(({ host, addresses }) => host.ip(podLines(addresses, podGateway))),
    ),
  ]);
}

async function setUpNetwork({ nodes, outside, network }: Cluster, routesToPods: boolean): Promise<void> {
  await network.ip([
    ...bridgeLines('wan', outsideAddress(1)),
    ...outside.flatMap(({ name }) => portLines(name, 'wan')),
    ...bridgeLines('lan', lanAddress(1)),
    ...nodes.flatMap(({ name }) => portLines(name, 'lan')),
    ...(routesToPods ? nodes.flatMap((node) => routeLines(node.podCIDRs, node.addresses)) : []),
    ...blackholeLines,
  ]);
}

async function setUpNode(node: ClusterNode, { nodes }: Cluster): Promise<void> {
  const others = nodes.filter((other) => other !== node);
  await node.host.ip([
    ...eth0Lines(node.addresses, lanAddress(1)),
    ...bridgeLines('cni0', node.podGateway),
    ...node.pods.flatMap(({ name }) => portLines(name, 'cni0')),
    ...others.flatMap((other) => routeLines(other.podCIDRs, other.addresses)),
  ]);
}
