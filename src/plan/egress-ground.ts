import type { EgressRuleFact } from '../model/egress-rule.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PoolFact } from '../model/pool.ts';
import { compareText } from '../model/text.ts';
import { familyOf } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { prefixSet } from '../net/prefix.ts';
import { unionOf } from '../net/ranges.ts';
import { pieces } from './egress-cells.ts';
import { choiceOfUnknown, isHoldingBack, likenessOf, type PlacedRule } from './egress-choices.ts';
import type { EgressChoice, EgressSource, FamilyScope } from './entry.ts';
import { unusableOwnAddress } from './own-address.ts';

/** What EgressRules depend on, but for the pods. */
export interface EgressRuleFacts {
  readonly rules: readonly EgressRuleFact[];
  readonly pools: readonly PoolFact[];
  readonly node: NodeFacts;
  readonly scopes: Readonly<Record<Family, FamilyScope>>;
}

/** What the rules say of addresses of which no pod is known; pods come and go without changing it. */
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

/** Costs what there is of pools and rules; made anew when they change, not with every pod. */
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

/** Null where the rule says nothing about the family: no address, or no destination of it. */
function placedRule(family: Family, fact: EgressRuleFact, facts: EgressRuleFacts): PlacedRule | null {
  const to = fact.to.length === 0 ? null : fact.to.filter(({ cidr }) => cidr.family === family);
  const addresses = fact.addresses.filter((address) => familyOf(address) === family);
  if (to?.length === 0 || (fact.action === 'Snat' && addresses.length === 0)) return null;
  const scope = facts.scopes[family];
  const named = facts.pools.filter(({ name }) => fact.pools.includes(name)).map(({ cidr }) => cidr);
  const inPools = prefixSet(family, named);
  const everywhere = fact.pools.length === 0;
  const everyPool = facts.pools.map(({ cidr }) => cidr);
  const here = [...new Set(addresses)].filter((address) => unusableOwnAddress(address, facts.node) === null);
  return {
    fact,
    to,
    here: here.sort(),
    region: everywhere ? scope.egressSources : inPools,
    podRegion: everywhere
      ? unionOf(family, [
          ...prefixSet(family, [...everyPool, ...facts.node.podCIDRs, ...facts.node.podNetworks]).ranges,
          ...scope.egressSources.ranges,
        ])
      : inPools,
    needsPod: fact.podSelector !== null || fact.namespaceSelector !== null || here.length > 1,
  };
}

/** What the rules say about addresses of which no pod is known, cut into ranges of which they say the same. */
function unknownSources(family: Family, rules: readonly PlacedRule[]): readonly GroundRange[] {
  const regionOf = (rule: PlacedRule) => (rule.needsPod ? rule.podRegion : rule.region);
  const speaking = rules.filter((rule) => !rule.needsPod || isHoldingBack(rule));
  const cut = pieces(
    family,
    speaking.flatMap((rule) => regionOf(rule).ranges),
  );
  const ranges: { range: { first: bigint; last: bigint }; choices: readonly EgressChoice[] }[] = [];
  let last = { likeness: '', end: -1n };
  for (const range of cut) {
    const choices = speaking
      .filter((rule) =>
        regionOf(rule).ranges.some((each) => each.first <= range.first && range.first <= each.last),
      )
      .map(choiceOfUnknown);
    const likeness = likenessOf(choices);
    const previous = ranges.at(-1);
    if (previous !== undefined && last.end + 1n === range.first && last.likeness === likeness) {
      previous.range.last = range.last;
    } else ranges.push({ range: { ...range }, choices });
    last = { likeness, end: range.last };
  }
  return ranges;
}
