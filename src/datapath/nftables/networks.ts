import { addressFromNumber } from '../../net/address.ts';
import { addressBits, FAMILIES, type Family } from '../../net/family.ts';
import type { Prefix } from '../../net/prefix.ts';
import { type AddressSet, complementOf, unionOf } from '../../net/ranges.ts';
import type { FamilyScope } from '../../plan/entry.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { addressesOf, type PlacedElement } from './element.ts';
import { member, networkIs, notMember, notNetwork, rule } from './ruleset/build.ts';
import type { Load } from './ruleset/loads.ts';
import type { RuleNode, Statement } from './ruleset/nodes.ts';
import { type SetName, setsOf } from './sets.ts';

/**
 * What a set of networks is, where a rule can say it by itself: nothing, everything, one prefix or all but one. That
 * is so in most clusters, and comparing an address with a prefix costs a fifth of a lookup among ranges. The elements of the set are there
 * all the same.
 */
export type Network =
  | 'nothing'
  | 'everything'
  | { readonly prefix: Prefix; readonly isInside: boolean }
  | null;

/** The sets of networks that rules ask of many packets, and interfaces of which there may be none. */
export interface FamilyNetworks {
  readonly service_cidrs: Network;
  readonly masquerade_to_cluster_ip: Network;
  readonly egress_sources: Network;
  readonly egress_exempt: Network;
  readonly hasUnmasqueradedInterface: boolean;
  readonly hasEgressInterface: boolean;
}

export type Networks = Readonly<Record<Family, FamilyNetworks>>;

const lookedUp: FamilyNetworks = Object.freeze({
  service_cidrs: null,
  masquerade_to_cluster_ip: null,
  egress_sources: null,
  egress_exempt: null,
  hasUnmasqueradedInterface: true,
  hasEgressInterface: true,
});

/** Everything is looked up: right whatever the elements are. */
export const anyNetworks: Networks = Object.freeze({ IPv4: lookedUp, IPv6: lookedUp });

const known = new WeakMap<FamilyScope, FamilyNetworks>();

/** As the plan's scopes have them. */
export function networksOf(plan: Pick<NatPlan, 'entry'>): Networks {
  return { IPv4: ofScope(scopeOf(plan, 'IPv4')), IPv6: ofScope(scopeOf(plan, 'IPv6')) };
}

function ofScope(scope: FamilyScope): FamilyNetworks {
  const found = known.get(scope);
  if (found !== undefined) return found;
  const networks: FamilyNetworks = Object.freeze({
    service_cidrs: networkOf(scope.serviceCIDRs),
    masquerade_to_cluster_ip: networkOf(scope.masqueradeToClusterIP),
    egress_sources: networkOf(scope.egressSources),
    egress_exempt: networkOf(scope.egressExempt),
    hasUnmasqueradedInterface: scope.unmasqueradedInterface !== null,
    hasEgressInterface: scope.egressInterface !== null,
  });
  known.set(scope, networks);
  return networks;
}

/** As elements in the kernel have them. */
export function networksIn(elements: readonly PlacedElement[]): Networks {
  const ofFamily = (family: Family): FamilyNetworks => {
    const ranges = (set: SetName): AddressSet => {
      const found = elements.filter(
        (placed) => placed.set === set && placed.family === family && placed.element.intervalEnd !== true,
      );
      return unionOf(family, found.map(addressesOf));
    };
    const isFilled = (set: SetName) =>
      elements.some((placed) => placed.set === set && placed.family === family);
    return {
      service_cidrs: networkOf(ranges('service_cidrs')),
      masquerade_to_cluster_ip: networkOf(ranges('masquerade_to_cluster_ip')),
      egress_sources: networkOf(ranges('egress_sources')),
      egress_exempt: networkOf(ranges('egress_exempt')),
      hasUnmasqueradedInterface: isFilled('unmasqueraded_interfaces'),
      hasEgressInterface: isFilled('egress_interfaces'),
    };
  };
  return { IPv4: ofFamily('IPv4'), IPv6: ofFamily('IPv6') };
}

/** Null for a set that is none of these. */
export function networkOf(set: AddressSet): Network {
  if (set.ranges.length === 0) return 'nothing';
  const others = complementOf(set);
  if (others.ranges.length === 0) return 'everything';
  const inside = onlyPrefix(set);
  if (inside !== null) return { prefix: inside, isInside: true };
  const outside = onlyPrefix(others);
  return outside === null ? null : { prefix: outside, isInside: false };
}

function onlyPrefix({ family, ranges }: AddressSet): Prefix | null {
  const [range, other] = ranges;
  if (range === undefined || other !== undefined) return null;
  const { first, last } = range;
  const size = last - first + 1n;
  if ((size & (size - 1n)) !== 0n || (first & (size - 1n)) !== 0n) return null;
  const length = addressBits[family] - (size.toString(2).length - 1);
  return { family, address: addressFromNumber(family, first), length };
}

/** Whether two make equal rules. */
export function isSameNetworks(one: Networks, other: Networks): boolean {
  return FAMILIES.every(
    (family) =>
      one[family] === other[family] || JSON.stringify(one[family]) === JSON.stringify(other[family]),
  );
}

type NetworkSet = Exclude<keyof FamilyNetworks, 'hasUnmasqueradedInterface' | 'hasEgressInterface'>;

/** The rule for addresses in the set, with what it does; none where no address is. */
export function rulesIn(
  networks: Networks,
  family: Family,
  address: Load,
  set: NetworkSet,
  ...then: readonly Statement[]
): RuleNode[] {
  const network = networks[family][set];
  if (network === 'nothing') return [];
  if (network === 'everything') return [rule(...then)];
  if (network === null) return [rule(member(address, setsOf(family)[set]), ...then)];
  return [rule((network.isInside ? networkIs : notNetwork)(address, network.prefix), ...then)];
}

/** The rule for addresses outside of the set that it asks something else too; none where every address is in it. */
export function rulesOutside(
  networks: Networks,
  family: Family,
  address: Load,
  set: NetworkSet,
  asks: Statement,
  then: Statement,
): RuleNode[] {
  const network = networks[family][set];
  if (network === 'nothing') return [rule(asks, then)];
  if (network === 'everything') return [];
  if (network === null) return [rule(asks, notMember(address, setsOf(family)[set]), then)];
  return [rule((network.isInside ? notNetwork : networkIs)(address, network.prefix), asks, then)];
}
