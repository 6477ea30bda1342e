/** The ruleset as netlink messages: docs/design/ruleset.md. */
import type { Batch } from '../../../wire/nftables/batch.ts';
import { encodeExpression } from '../../../wire/nftables/expressions.ts';
import { anonymousAttributesOf, chainAttributesOf, ruleUserdata, setAttributesOf } from './attributes.ts';
import type { ChainChanges } from './content.ts';
import { expressionsOf, type Reference } from './expressions.ts';
import type { AnonymousSet, ChainNode, RuleNode, SetNode, Statement, TableNode } from './nodes.ts';
import { nftFamily } from './text.ts';
import { commentUserdata } from './userdata.ts';

/** Writes a new table of this name with its sets, chains and rules. */
export function addTable(
  batch: Batch,
  table: TableNode,
  name: string,
  options: { readonly dormant?: boolean } = {},
): void {
  batch.addTable(nftFamily[table.family], name, { ...options, userdata: commentUserdata(table.comment) });
  for (const set of table.sets) addSet(batch, table, name, set);
  for (const chain of table.chains) addChain(batch, table, name, chain);
  for (const chain of table.chains) addRules(batch, table, name, chain);
}

function addSet(batch: Batch, { family }: TableNode, table: string, set: SetNode): void {
  batch.addSet(nftFamily[family], table, { name: set.name, ...setAttributesOf(set) });
}

function addChain(batch: Batch, { family }: TableNode, table: string, chain: ChainNode): void {
  batch.addChain(nftFamily[family], table, { name: chain.name, ...chainAttributesOf(chain) });
}

function addRules(batch: Batch, { family }: TableNode, table: string, chain: ChainNode): void {
  for (const rule of chain.rules) addRule(batch, family, table, chain.name, rule);
}

/** Adds chains and writes rules anew; what is taken away by `removeChains` loses its rules here. */
export function changeChains(batch: Batch, table: TableNode, name: string, changes: ChainChanges): void {
  const byName = new Map(table.chains.map((chain) => [chain.name, chain]));
  const chains = (names: readonly string[]) => names.flatMap((one) => byName.get(one) ?? []);
  for (const chain of chains(changes.add)) addChain(batch, table, name, chain);
  for (const chain of [...changes.rewrite, ...changes.remove]) {
    batch.flushChain(nftFamily[table.family], name, chain);
  }
  for (const chain of chains([...changes.add, ...changes.rewrite])) addRules(batch, table, name, chain);
}

export function removeChains(batch: Batch, table: TableNode, name: string, chains: readonly string[]): void {
  for (const chain of chains) batch.deleteChain(nftFamily[table.family], name, chain);
}

function addRule(
  batch: Batch,
  family: TableNode['family'],
  table: string,
  chain: string,
  rule: RuleNode,
): void {
  const anonymous = new Map(
    anonymousSets(rule).map((set) => [set, addAnonymousSet(batch, nftFamily[family], table, set)]),
  );
  const reference: Reference = (set) => {
    if (!('elements' in set)) return { set: set.name };
    return { set: nameOfAnonymous(set), setId: anonymous.get(set) ?? 0 };
  };
  const expressions = expressionsOf(rule.statements, reference).map(encodeExpression);
  batch.addRule(nftFamily[family], table, chain, { expressions, ...ruleUserdata(rule) });
}

/** The sets that stand in the rule itself. */
function anonymousSets({ statements }: RuleNode): AnonymousSet[] {
  return statements.flatMap((statement) => anonymousIn(statement) ?? []);
}

function anonymousIn(statement: Statement): AnonymousSet | null {
  if (statement.kind === 'one of') return statement.set;
  return statement.kind === 'vmap' && 'elements' in statement.map ? statement.map : null;
}

function addAnonymousSet(
  batch: Batch,
  family: (typeof nftFamily)[keyof typeof nftFamily],
  table: string,
  set: AnonymousSet,
): number {
  const name = nameOfAnonymous(set);
  const id = batch.addSet(family, table, { name, ...anonymousAttributesOf(set) });
  const elements = set.elements.map(({ text: _, ...element }) => element);
  batch.addElements(family, table, name, elements, id);
  return id;
}

/** The kernel puts a number in the place of `%d`. */
function nameOfAnonymous({ isMap }: AnonymousSet): string {
  return isMap ? '__map%d' : '__set%d';
}
