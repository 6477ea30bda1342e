import { joinedRows } from '../base/collect.ts';
import type { EgressRuleFact } from '../model/egress-rule.ts';
import { selects } from '../model/label-selector.ts';
import type { NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import { compareText } from '../model/text.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixSet } from '../net/prefix.ts';
import { type AddressSet, setContains, unionOf } from '../net/ranges.ts';
import { pieces } from './egress-cells.ts';
import type { EgressChoice, EgressOutcome, EgressSource, FamilyScope } from './entry.ts';
import { unusableOwnAddress } from './own-address.ts';
import { possiblePodNetworks } from './stray-pods.ts';

/** What EgressRules depend on, except the pods. */
export interface EgressRuleFacts {
  readonly rules: readonly EgressRuleFact[];
  readonly pools: readonly PoolFact[];
  readonly node: NodeFacts;
  readonly scopes: Readonly<Record<Family, FamilyScope>>;
}

/** EgressRules for addresses without a known pod; independent of pods coming and going. */
export interface EgressRuleGround {
  readonly facts: EgressRuleFacts;
  /** In the order in which they are asked. */
  readonly rules: Readonly<Record<Family, readonly PlacedRule[]>>;
  readonly ranges: Readonly<Record<Family, readonly GroundRange[]>>;
}

interface GroundRange {
  readonly range: EgressSource['range'];
  readonly choices: readonly EgressChoice[];
}

/** Depends on pools and rules; it is computed again when they change, not for every pod. */
export function egressRuleGround(facts: EgressRuleFacts): EgressRuleGround {
  const ordered = [...facts.rules].sort((a, b) => a.priority - b.priority || compareText(a.name, b.name));
  const placed = (family: Family) => ordered.flatMap((fact) => placedRule(family, fact, facts) ?? []);
  const rules = { IPv4: placed('IPv4'), IPv6: placed('IPv6') };
  return {
    facts,
    rules,
    ranges: { IPv4: unknownSources('IPv4', rules.IPv4), IPv6: unknownSources('IPv6', rules.IPv6) },
  };
}

function placedRule(family: Family, fact: EgressRuleFact, facts: EgressRuleFacts): PlacedRule | null {
  const to = fact.to.length === 0 ? null : fact.to.filter(({ cidr }) => cidr.family === family);
  const addresses = fact.addresses.filter((address) => familyOf(address) === family);
  if (to?.length === 0 || (fact.action === 'Snat' && addresses.length === 0)) return null;
  const scope = facts.scopes[family];
  const named = facts.pools.filter(({ name }) => fact.pools.includes(name)).map(({ cidr }) => cidr);
  const inPools = prefixSet(family, named);
  const everywhere = fact.pools.length === 0;
  const here = [...new Set(addresses)].filter((address) => unusableOwnAddress(address, facts.node) === null);
  return {
    fact,
    to,
    here: here.sort(),
    region: everywhere ? scope.egressSources : inPools,
    podRegion: everywhere
      ? unionOf(family, [
          ...prefixSet(family, possiblePodNetworks(facts.node, facts.pools)).ranges,
          ...scope.egressSources.ranges,
        ])
      : inPools,
    needsPod: fact.podSelector !== null || fact.namespaceSelector !== null || here.length > 1,
  };
}

/** The choices for addresses without a known pod, as ranges with equal choices. */
function unknownSources(family: Family, rules: readonly PlacedRule[]): readonly GroundRange[] {
  const regionOf = (rule: PlacedRule) => (rule.needsPod ? rule.podRegion : rule.region);
  const speaking = rules.filter((rule) => !rule.needsPod || isHoldingBack(rule));
  const cut = pieces(
    family,
    speaking.flatMap((rule) => regionOf(rule).ranges),
  );
  const rows = cut.map(({ first, last }) => {
    const here = speaking.filter((rule) =>
      regionOf(rule).ranges.some((each) => each.first <= first && first <= each.last),
    );
    const choices = here.map(choiceOfUnknown);
    return { first, last, choices, likeness: likenessOf(choices) };
  });
  const joined = joinedRows(
    rows,
    (row, next) => row.last + 1n === next.first && row.likeness === next.likeness,
  );
  return joined.map(({ first, last, choices }) => ({ range: { first, last }, choices }));
}

/** A rule as it applies to one family on this node. */
interface PlacedRule {
  readonly fact: EgressRuleFact;
  /** Destinations of the family; null: everything outside all pools. */
  readonly to: EgressChoice['to'];
  /** The rule's addresses of the family that this node has, sorted. */
  readonly here: readonly IpAddress[];
  /** Possible sources: its pools; without pools, all sources of egress NAT. */
  readonly region: AddressSet;
  /** Possible addresses of pods that the rule selects. */
  readonly podRegion: AddressSet;
  /** True if the rule applies only to known pods: it has selectors, or chooses among several addresses. */
  readonly needsPod: boolean;
}

/** The choices for a known pod with this address. @param labels of its Namespace */
export function choicesOfPod(
  pod: PodFact,
  address: IpAddress,
  rules: readonly PlacedRule[],
  labels: Readonly<Record<string, string>>,
): EgressChoice[] {
  return rules.flatMap((rule) => {
    const { podSelector, namespaceSelector, pools } = rule.fact;
    const selected =
      (podSelector === null || selects(podSelector, pod.labels)) &&
      (namespaceSelector === null || selects(namespaceSelector, labels));
    const bySelector = podSelector !== null || namespaceSelector !== null;
    // A selector selects pods at any address, unless the rule also names pools.
    const inRegion = (bySelector && pools.length === 0) || setContains(rule.region, address);
    if (!selected || !inRegion) return [];
    if (rule.here.length < 2) return [addressless(rule)];
    return [
      choice(rule, { verdict: 'snat', to: stableChoice(rule.here, objectKey(pod.namespace, pod.name)) }),
    ];
  });
}

/** The choice for sources of the rule's region without a known pod. */
function choiceOfUnknown(rule: PlacedRule): EgressChoice {
  return rule.needsPod ? choice(rule, { verdict: 'drop' }, 'unknown-pod') : addressless(rule);
}

/** True if the rule drops packets of its `podRegion` whose pod is not known. */
export function isHoldingBack({ needsPod, fact }: PlacedRule): boolean {
  return needsPod && fact.action === 'Snat' && fact.fallback === 'drop';
}

/** The rule's choice if it has at most one address on this node. */
function addressless(rule: PlacedRule): EgressChoice {
  const { action, fallback } = rule.fact;
  const [only] = rule.here;
  if (action === 'Keep') return choice(rule, { verdict: 'keep' });
  if (action === 'Masquerade') return choice(rule, { verdict: 'masquerade' });
  if (only !== undefined) return choice(rule, { verdict: 'snat', to: only });
  return choice(rule, { verdict: fallback === 'drop' ? 'drop' : 'masquerade' }, 'address');
}

function choice(
  { fact, to }: PlacedRule,
  outcome: EgressOutcome,
  fallback: EgressChoice['fallback'] = null,
): EgressChoice {
  return { rule: fact.name, reason: fact.reason, to, outcome, fallback };
}

/** Equal for equal choices: names of rules are unique, and a rule always has the same destinations. */
export function likenessOf(choices: readonly EgressChoice[]): string {
  return choices
    .map(({ rule, outcome, fallback }) => `${rule} ${Object.values(outcome).join(' ')} ${fallback}`)
    .join(', ');
}

/**
 * Chooses an address for a pod by rendezvous hashing: the order of the addresses does not matter, the choice stays
 * while the chosen address exists, and a new address takes over only its share of the pods. `name` is the pod's
 * namespace and name, so that a pod of a StatefulSet keeps its address over restarts. Throws RangeError without
 * addresses.
 */
export function stableChoice(addresses: readonly IpAddress[], name: string): IpAddress {
  let best: { address: IpAddress; weight: number } | null = null;
  for (const address of addresses) {
    const weight = hashOf(`${name} ${address}`);
    if (best === null || weight > best.weight || (weight === best.weight && address < best.address)) {
      best = { address, weight };
    }
  }
  if (best === null) throw new RangeError('no address to choose from');
  return best.address;
}

/** FNV-1a with the finalizer of MurmurHash3, which spreads the last characters over all bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
