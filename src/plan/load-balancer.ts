import type { NodeFacts } from '../model/node.ts';
import type { ServiceFact } from '../model/service.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { hostPrefix, type Prefix, prefixContains, prefixSet } from '../net/prefix.ts';
import { type AddressSet, blockCount, lowestBlocks } from '../net/ranges.ts';

const NO_RANGE =
  'no entry of loadBalancerSourceRanges can be used: nobody may use the addresses of the load balancer; write CIDRs of the families of the Service';

/** Who may use the addresses of a Service's load balancer. */
export interface LoadBalancerSources {
  /** For each family that has such an address; null: everyone. */
  readonly byFamily: ReadonlyMap<Family, AddressSet | null>;
  readonly faults: readonly string[];
}

const NO_SOURCES: LoadBalancerSources = { byFamily: new Map(), faults: [] };

/** @param most networks in a list; of a longer list only the lowest addresses are allowed */
export function loadBalancerSources(
  service: ServiceFact,
  addresses: readonly IpAddress[],
  node: NodeFacts,
  most: number,
): LoadBalancerSources {
  if (addresses.length === 0) return NO_SOURCES;
  const byFamily = new Map<Family, AddressSet | null>();
  const faults: string[] = [];
  if (service.loadBalancerSourceRanges !== null && !hasUsableRange(service)) {
    faults.push(NO_RANGE);
  }
  for (const family of new Set(addresses.map(familyOf))) {
    const wanted = sourcesOf(service, family, node);
    const kept = wanted === null ? null : lowestBlocks(wanted, most);
    byFamily.set(family, kept);
    if (wanted !== null && kept !== wanted) faults.push(tooLong(wanted, most));
  }
  return { byFamily, faults };
}

/**
 * The allowed sources of a load-balancer address; null: all. Entries of the other family do not count, as with
 * kube-proxy; if no entry is of a family of the Service, no source is allowed. If a range contains the node's own
 * address, the Service's load-balancer addresses are allowed too (a node with the VIP uses it as source).
 */
function sourcesOf(service: ServiceFact, family: Family, node: NodeFacts): AddressSet | null {
  if (service.loadBalancerSourceRanges === null) return null;
  const prefixes = service.loadBalancerSourceRanges.filter((prefix) => prefix.family === family);
  if (prefixes.length === 0 && hasUsableRange(service)) return null;
  const holdsNode = (prefix: Prefix) => node.nodeIPs.some((nodeIP) => prefixContains(prefix, nodeIP));
  if (!prefixes.some(holdsNode)) return prefixSet(family, prefixes);
  return prefixSet(family, [...prefixes, ...service.loadBalancerIPs.map(hostPrefix)]);
}

function tooLong(wanted: AddressSet, most: number): string {
  return (
    `loadBalancerSourceRanges has ${blockCount(wanted)} networks of ${wanted.family}, and ${most} have room ` +
    '(--max-source-networks-per-list): those of the lowest addresses may use the Service, all others may not; name wider networks'
  );
}

/** True if an entry of loadBalancerSourceRanges is of a family of the Service. */
function hasUsableRange(service: ServiceFact): boolean {
  const { clusterIPs, loadBalancerIPs, loadBalancerSourceRanges } = service;
  const own = (clusterIPs.length === 0 ? loadBalancerIPs : clusterIPs).map(familyOf);
  return (loadBalancerSourceRanges ?? []).some(({ family }) => own.includes(family));
}
