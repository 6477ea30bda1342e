import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { EgressScope } from '../../plan/entry.ts';
import {
  back,
  chain,
  commented,
  goto,
  iifname,
  interfaceIs,
  jump,
  l4proto,
  lookup,
  masquerade,
  member,
  notMember,
  oifname,
  oneOf,
  random,
  rule,
  snat,
  vmap,
} from './ruleset/build.ts';
import type { AnonymousElement, ChainNode, NatFlag, RuleNode, Statement, Value } from './ruleset/nodes.ts';
import { setsOf } from './sets.ts';
import { WITH_PORTS, wordsOf } from './words.ts';

/**
 * The chains of egress NAT. Ports and interface stand in their text, since a rule of nft takes neither from a map; all
 * else is elements.
 */
export type EgressChains = Pick<EgressScope, 'ports' | 'interfaceFilter'>;

/** Where nothing is set: the kernel chooses ports, every interface counts. */
export const plainEgress: EgressChains = Object.freeze({ ports: [], interfaceFilter: null });

/** Two settings with equal texts make equal chains. */
export function egressChainsKey({ ports, interfaceFilter }: EgressChains): string {
  return JSON.stringify([ports.map(({ first, last }) => [first, last]), interfaceFilter]);
}

const RANDOM: readonly NatFlag[] = ['fully-random'];

/** The chains in the order in which they refer to each other. */
export function egressChains(family: Family, { ports }: EgressChains): ChainNode[] {
  const { saddr, daddr, cell } = wordsOf(family);
  const sets = setsOf(family);
  const translate = (value: Value) => (range: PortSpan | null) => snat(family, value, RANDOM, range);
  const masqueraded = (range: PortSpan | null) => masquerade(RANDOM, range);
  const byDestination = translate(lookup(cell, sets.egress_to_addresses));
  const bySource = translate(lookup(saddr, sets.egress_from_addresses));
  const byPool = translate(lookup(saddr, sets.egress_address));
  /** One chain for each range of ports: translates as the statement says, to a port of the range. */
  const perRange = (name: string, statement: (range: PortSpan) => Statement): ChainNode[] =>
    ports.map((range) => chain(rangeChain(name, range), null, rule(withPorts, statement(range))));
  /** To a port of one of the ranges, each as likely as it is wide; protocols without ports as they are. */
  const anyRange = (name: string, statement: (range: null) => Statement): RuleNode[] => [
    ...(ports.length === 0 ? [] : [rule(withPorts, draw(ports, name))]),
    rule(statement(null)),
  ];
  return [
    ...perRange('egress_masquerade', masqueraded),
    chain('egress_masquerade', null, ...anyRange('egress_masquerade', masqueraded)),
    ...perRange('egress_to', byDestination),
    ...perRange('egress_from', bySource),
    chain(
      'egress_rules',
      'EgressRules: those with destinations, then those for all that leaves the pools',
      rule(vmap(cell, sets.egress_to)),
      ...anyRange('egress_to', byDestination),
      rule(member(daddr, sets.egress_exempt), back),
      rule(vmap(saddr, sets.egress_from)),
      ...anyRange('egress_from', bySource),
    ),
    ...perRange('egress_pools', byPool),
    chain('egress_pools', null, ...anyRange('egress_pools', byPool), rule(goto('egress_masquerade'))),
  ];
}

/** The last rules of postrouting. */
export function egressPostrouting(family: Family, { interfaceFilter }: EgressChains): RuleNode[] {
  const { saddr, daddr } = wordsOf(family);
  const { egress_sources, egress_interfaces, egress_exempt } = setsOf(family);
  const rules = [
    rule(jump('egress_rules')),
    commented(
      'again: an update between two lookups may have moved the source to another map',
      jump('egress_rules'),
    ),
  ];
  const out = outgoing(interfaceFilter);
  if (out === 'never') return rules;
  const leaves = [notMember(daddr, egress_exempt), ...out, goto('egress_pools')];
  return [
    ...rules,
    rule(member(saddr, egress_sources), ...leaves),
    rule(member(iifname, egress_interfaces), ...leaves),
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

const withPorts = oneOf(l4proto, {
  key: l4proto,
  isMap: false,
  interval: false,
  elements: WITH_PORTS.map((protocol) => ({
    key: Uint8Array.of(protocolNumber[protocol]),
    text: protocol.toLowerCase(),
  })),
});

function rangeChain(name: string, { first, last }: PortSpan): string {
  return `${name}_${first}_${last}`;
}

/** `numgen random mod 100 vmap { 0-39 : jump a_1024_1063, 40-99 : … }`, by the number of ports in each range. */
function draw(ports: readonly PortSpan[], name: string): Statement {
  const elements: AnonymousElement[] = [];
  let next = 0;
  for (const range of ports) {
    const from = next;
    next += range.last - range.first + 1;
    const text = from === next - 1 ? String(from) : `${from}-${next - 1}`;
    const verdict = { code: 'jump', chain: rangeChain(name, range) } as const;
    elements.push({ key: networkNumber(from), verdict, text });
  }
  elements.push({ key: networkNumber(next), intervalEnd: true, text: '' });
  const key = random(next);
  return vmap(key, { key, isMap: true, interval: true, elements });
}

function networkNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
