import type { NodeFacts } from '../model/node.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import { FAMILIES } from '../net/family.ts';
import { type Prefix, prefixSet } from '../net/prefix.ts';
import { setContains } from '../net/ranges.ts';
import { podPools } from './egress-pools.ts';
import type { PlanOptions } from './options.ts';

/** What decides whether an address of a pod has to be known by itself. */
export interface StrayPodFacts {
  readonly pools: readonly PoolFact[];
  /** A file of ip-masq-agent is in force. */
  readonly ipMasqAgent?: unknown;
}

/** The addresses of its own that a Pod has on this node: none of the host's, and none that may be another's by now. */
export function addressesHere(
  { nodeName, hostNetwork, finished, ips }: PodFact,
  node: Pick<NodeFacts, 'nodeName'>,
): readonly IpAddress[] {
  return nodeName === node.nodeName && !hostNetwork && !finished ? ips : [];
}

/**
 * The addresses of this node's Pods that lie in no network of pods, sorted, each once: what makes them count as pods is
 * their Pod alone. Empty where nothing asks for them.
 */
export function strayPods(
  pods: Iterable<PodFact>,
  { pools, ipMasqAgent }: StrayPodFacts,
  node: NodeFacts,
  { enable }: Pick<PlanOptions, 'enable'>,
): readonly IpAddress[] {
  const tellPods = enable.service && node.podsToldBy.includes('Pod');
  if (!tellPods && !(enable.egress && ipMasqAgent !== undefined)) return [];
  const networks = tellPods
    ? podNetworks(node, pools)
    : [...node.podCIDRs, ...node.podNetworks, ...pools.map(({ cidr }) => cidr)];
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

/** The networks that tell pods on this node. */
export function podNetworks(
  { podCIDRs, podsToldBy }: Pick<NodeFacts, 'podCIDRs' | 'podsToldBy'>,
  pools: readonly PoolFact[],
): readonly Prefix[] {
  return podsToldBy.includes('IPPool') ? [...podCIDRs, ...podPools(pools)] : podCIDRs;
}
