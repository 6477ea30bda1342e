import type { NodeFact, NodeFacts } from '../model/node.ts';
import type { PoolFact } from '../model/pool.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { formatPrefix, hostPrefix, type Prefix, prefixContains, prefixSet } from '../net/prefix.ts';
import { type AddressSet, complementOf, unionOf } from '../net/ranges.ts';
import { type FamilyScope, scopeKey } from './entry.ts';
import type { Fragment, Notice } from './fragment.ts';
import type { PlanOptions } from './options.ts';

/**
 * The fragment of all that is not one object's: the address sets of both families, from the node facts, all pools
 * and all Nodes. specs/egress-nat.md, "The decision".
 */
export function scopeFragment(
  pools: readonly PoolFact[],
  nodes: readonly NodeFact[],
  node: NodeFacts,
  options: PlanOptions,
): Fragment {
  const sorted = [...pools].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    entries: FAMILIES.map((family) => familyScope(family, sorted, nodes, node, options)),
    notices: options.enable.egress ? overriddenPools(sorted) : [],
  };
}

function familyScope(
  family: Family,
  allPools: readonly PoolFact[],
  nodes: readonly NodeFact[],
  node: NodeFacts,
  { enable, internalNetworks, dropInvalid }: PlanOptions,
): FamilyScope {
  const pools = allPools.filter((pool) => pool.cidr.family === family);
  const everyPool = pools.map((pool) => pool.cidr);
  const nodeAddresses = nodes.flatMap((other) => other.addresses.map(({ address }) => hostPrefix(address)));
  const ownAddresses = node.localAddresses.map(({ address }) => hostPrefix(address));
  const none: AddressSet = { family, ranges: [] };
  const podCIDRs = prefixSet(family, node.podCIDRs);
  const serviceCIDRs = prefixSet(family, node.serviceCIDRs);
  return {
    kind: 'FamilyScope',
    key: scopeKey(family),
    family,
    pods: enable.service ? podCIDRs : none,
    podInterface: enable.service ? node.podInterface : null,
    serviceCIDRs: enable.service ? serviceCIDRs : none,
    masqueradeToClusterIP: enable.service ? clusterIPMasquerade(podCIDRs, node) : none,
    unmasqueradedInterface: enable.service && !node.masqueradeAll ? node.podInterface : null,
    invalidDropped:
      enable.service && dropInvalid
        ? prefixSet(family, [...node.podCIDRs, ...node.podNetworks, ...egressExempt(pools)])
        : none,
    egressSources: enable.egress ? prefixSet(family, egressSources(pools)) : none,
    egressExempt: enable.egress ? prefixSet(family, egressExempt(pools)) : none,
    podNatInternal: enable.pod
      ? prefixSet(family, [
          ...internalNetworks,
          ...everyPool,
          ...node.serviceCIDRs,
          ...node.podCIDRs,
          ...node.podNetworks,
          ...nodeAddresses,
          ...ownAddresses,
        ])
      : none,
    pools,
  };
}

/** MASQ of the specification: the pools with natOutgoing, disabled or not. */
export function egressSources(pools: readonly PoolFact[]): Prefix[] {
  return pools.filter((pool) => pool.natOutgoing).map((pool) => pool.cidr);
}

/** NET of the specification: all pools, disabled ones too, but not those for load balancers alone. */
export function egressExempt(pools: readonly PoolFact[]): Prefix[] {
  return pools.filter((pool) => !pool.loadBalancerOnly).map((pool) => pool.cidr);
}

/**
 * masqueradeAll: all sources; pods told by an interface: all too, and those that come in by it are taken out; else those
 * outside the pod CIDRs; no pod CIDRs known: none.
 */
function clusterIPMasquerade(
  podCIDRs: AddressSet,
  { masqueradeAll, podInterface }: Pick<NodeFacts, 'masqueradeAll' | 'podInterface'>,
): AddressSet {
  if (masqueradeAll || podInterface !== null) return complementOf(unionOf(podCIDRs.family, []));
  return podCIDRs.ranges.length === 0 ? podCIDRs : complementOf(podCIDRs);
}

/** Rules 3 and 4: a pool without natOutgoing whose addresses another pool makes NATed from gets a warning. */
function overriddenPools(pools: readonly PoolFact[]): Notice[] {
  const notices: Notice[] = [];
  const masquerading = pools.filter((pool) => pool.natOutgoing);
  for (const pool of pools) {
    if (pool.natOutgoing) continue;
    const other = masquerading.find(
      (candidate) =>
        candidate.cidr.length <= pool.cidr.length && prefixContains(candidate.cidr, pool.cidr.address),
    );
    if (other === undefined) continue;
    notices.push({
      reason: 'NatPoolOverridden',
      object: { kind: 'IPPool', namespace: '', name: pool.name },
      message:
        `natOutgoing is off here, but ${formatPrefix(pool.cidr)} lies in pool ${other.name} ` +
        `(${formatPrefix(other.cidr)}), which has it on: its addresses are NATed`,
    });
  }
  return notices;
}
