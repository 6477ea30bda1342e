import { joinedRows } from '../base/collect.ts';
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
import { possiblePodNetworks } from './stray-pods.ts';

/** What EgressRules depend on, except the pods. */
export interface EgressRuleFacts {
  readonly rules: readonly EgressRuleFact[];
  readonly pools: readonly PoolFact[];
  readonly node: NodeFacts;
  readonly scopes: Readonly<Record<Family, FamilyScope>>;
}

/** The EgressRules as they apply to addresses without a known pod; pods come and go without changing it. */
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

/** Null if the rule has no address or no destination of the family. */
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
