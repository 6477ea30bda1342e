import type { FactKind } from '../../model/facts.ts';
import type { Family } from '../../net/family.ts';
import type { EgressScope } from '../../plan/entry.ts';
import type { RuleDeclaration } from '../../wire/nftables/declarations.ts';
import { decodeExpression, type Expression, numbers } from '../../wire/nftables/expressions.ts';
import { anyNetworks, type Networks, rulesIn } from './networks.ts';
import {
  back,
  chain,
  commented,
  goto,
  interfaceIs,
  jump,
  lookup,
  masquerade,
  member,
  rule,
  snat,
  vmap,
} from './ruleset/build.ts';
import { iifname, oifname } from './ruleset/loads.ts';
import type { ChainNode, RuleNode, Statement, Value } from './ruleset/nodes.ts';
import { type SetName, setsOf } from './sets.ts';
import { RANDOM, wordsOf } from './words.ts';

/** What stands in the rules of egress NAT; all else is elements. */
export interface EgressChains extends Pick<EgressScope, 'interfaceFilter'> {
  /** natOutgoingAddress is set, in one family or both. */
  readonly hasAddress: boolean;
}

/** The objects that these settings come from. */
export const EGRESS_CHAINS_FROM: readonly FactKind[] = ['FelixConfiguration'];

/** Where nothing is set: every interface counts. */
export const plainEgress: EgressChains = Object.freeze({ interfaceFilter: null, hasAddress: false });

/** Whether two settings make equal chains. */
export function isSameEgress(one: EgressChains, other: EgressChains): boolean {
  return one.interfaceFilter === other.interfaceFilter && one.hasAddress === other.hasAddress;
}

/** The chains in the order in which they refer to each other. */
export function egressChains(family: Family, { hasAddress }: EgressChains, hasRules: boolean): ChainNode[] {
  const { saddr, draw } = wordsOf(family);
  const sets = setsOf(family);
  const ports = lookup(draw, sets.egress_ports);
  /** With a free port where the protocol has ports, else without. */
  const translate = (address: Value) => [
    rule(snat(family, address, RANDOM, ports)),
    rule(snat(family, address, RANDOM)),
  ];
  return [
    chain('egress_masquerade', null, rule(masquerade(RANDOM, ports)), rule(masquerade(RANDOM))),
    ...(hasRules ? ruleChains(family, translate) : []),
    chain(
      'egress_pools',
      null,
      ...(hasAddress ? translate(lookup(saddr, sets.egress_address)) : []),
      rule(goto('egress_masquerade')),
    ),
  ];
}

/** EgressRules. */
function ruleChains(family: Family, translate: (address: Value) => readonly RuleNode[]): ChainNode[] {
  const { saddr, daddr, cell } = wordsOf(family);
  const sets = setsOf(family);
  return [
    chain(
      'egress_rules',
      'EgressRules: those with destinations, then those for all that leaves the pools',
      rule(vmap(cell, sets.egress_to)),
      ...translate(lookup(cell, sets.egress_to_addresses)),
      rule(member(daddr, sets.egress_exempt), back),
      rule(vmap(saddr, sets.egress_from)),
      ...translate(lookup(saddr, sets.egress_from_addresses)),
    ),
    chain(
      'ruled_sources',
      null,
      rule(jump('egress_rules')),
      commented('look again: an update may have moved the source to another map', jump('egress_rules')),
    ),
  ];
}

/** The last rules of postrouting; `before` are those that stand before pools are translated. */
export function egressPostrouting(
  family: Family,
  { interfaceFilter }: EgressChains,
  networks: Networks,
  hasRules: boolean,
  before: readonly RuleNode[],
): RuleNode[] {
  const { saddr, daddr } = wordsOf(family);
  const { egress_rule_sources, egress_interfaces } = setsOf(family);
  const rules = hasRules ? [rule(member(saddr, egress_rule_sources), jump('ruled_sources'))] : [];
  const out = outgoing(interfaceFilter);
  if (out === 'never') return rules;
  // A filter is read back from the rule, which is there whatever the sources are.
  const sources = out.length > 0 && networks[family].egress_sources === 'nothing' ? anyNetworks : networks;
  return [
    ...rules,
    ...rulesIn(networks, family, daddr, 'egress_exempt', back),
    ...before,
    ...rulesIn(sources, family, saddr, 'egress_sources', ...out, goto('egress_pools')),
    ...(networks[family].hasEgressInterface
      ? [rule(member(iifname, egress_interfaces), ...out, goto('egress_pools'))]
      : []),
  ];
}

/** Bytes that an interface's name has at most: IFNAMSIZ without its NUL. */
const LONGEST_NAME = 15;

/**
 * What a filter asks of the interface that a packet leaves by: nothing for `+`, which is every interface. A trailing `+`
 * stands for any end, as in iptables(8). `never` for a name that no interface can have.
 */
function outgoing(filter: string | null): Statement[] | 'never' {
  if (filter === null || filter === '+') return [];
  const isPrefix = filter.endsWith('+');
  const name = isPrefix ? filter.slice(0, -1) : filter;
  const length = Buffer.byteLength(name);
  if (length === 0 || length > LONGEST_NAME) return 'never';
  return [interfaceIs(oifname, name, isPrefix)];
}

/** What the rules that stand were made for; what cannot be told is as where nothing is set. */
export function egressChainsFrom(
  rules: readonly Pick<RuleDeclaration, 'chain' | 'expressions'>[],
): EgressChains {
  let { interfaceFilter, hasAddress } = plainEgress;
  for (const { chain: name, expressions = [] } of rules) {
    if (name !== 'postrouting_nat' && name !== 'egress_pools') continue;
    const decoded = expressions.map(decodeExpression);
    const asksFor = (set: SetName) =>
      decoded.some((each) => each?.name === 'lookup' && each.attributes.set === set);
    interfaceFilter ??= filterFrom(decoded);
    if (asksFor('egress_address')) hasAddress = true;
  }
  return { interfaceFilter, hasAddress };
}

/** The name that the comparison behind `meta oifname` asks for; a prefix is not filled up with zeros. */
function filterFrom(expressions: readonly (Expression | null)[]): string | null {
  const at = expressions.findIndex(
    (each) => each?.name === 'meta' && each.attributes.key === numbers.metaKey.oifname,
  );
  const asked = at < 0 ? undefined : expressions[at + 1];
  const bytes = asked?.name === 'cmp' ? asked.attributes.data?.value : undefined;
  if (bytes === undefined) return null;
  const name = Buffer.from(bytes).toString().replace(/\0+$/, '');
  return bytes.at(-1) === 0 ? name : `${name}+`;
}
