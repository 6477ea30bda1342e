import type { IpMasqAgentFact } from '../model/ip-masq-agent.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import { type Prefix, prefixSet } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { podPools } from './egress-pools.ts';
import type { PlanOptions } from './options.ts';

/** The Pod's own addresses on this node: none with the host network, none once it has finished. */
export function addressesHere(
  { nodeName, hostNetwork, finished, ips }: PodFact,
  node: Pick<NodeFacts, 'nodeName'>,
): readonly IpAddress[] {
  return nodeName === node.nodeName && !hostNetwork && !finished ? ips : [];
}

/**
 * The addresses of this node's Pods outside all networks of pods, sorted, each once: only the Pod objects show that
 * they are pods. Empty if no kind of NAT needs them. @param ipMasqAgent undefined: no file of ip-masq-agent is in force
 */
export function strayPods(
  pods: Iterable<PodFact>,
  pools: readonly PoolFact[],
  ipMasqAgent: IpMasqAgentFact | undefined,
  node: NodeFacts,
  { enable }: Pick<PlanOptions, 'enable'>,
): readonly IpAddress[] {
  const countPods = enable.service && node.podAddressesFrom.includes('Pod');
  if (!countPods && !(enable.egress && ipMasqAgent !== undefined)) return [];
  const networks = countPods ? podNetworks(node, pools) : possiblePodNetworks(node, pools);
  const known = FAMILIES.map((family) => prefixSet(family, networks));
  const own = new Set(node.localAddresses.map(({ address }) => address));
  const stray = new Set<IpAddress>();
  for (const pod of pods) {
    for (const address of addressesHere(pod, node)) {
      if (!own.has(address) && !known.some((set) => setContains(set, address))) stray.add(address);
    }
  }
  return [...stray].sort();
}

/** The networks in which pods may have addresses, whether or not an address in them counts as a pod. */
export function possiblePodNetworks(
  { podCIDRs, podNetworks }: Pick<NodeFacts, 'podCIDRs' | 'podNetworks'>,
  pools: readonly PoolFact[],
): readonly Prefix[] {
  return [...podCIDRs, ...podNetworks, ...pools.map(({ cidr }) => cidr)];
}

/** The networks whose addresses count as pods on this node. */
export function podNetworks(
  { podCIDRs, podAddressesFrom }: Pick<NodeFacts, 'podCIDRs' | 'podAddressesFrom'>,
  pools: readonly PoolFact[],
): readonly Prefix[] {
  return podAddressesFrom.includes('IPPool') ? [...podCIDRs, ...podPools(pools)] : podCIDRs;
}
