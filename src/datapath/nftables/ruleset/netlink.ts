/** The ruleset as netlink messages: docs/design/ruleset.md. */
import type { Batch } from '../../../wire/nftables/batch.ts';
import { encodeExpression } from '../../../wire/nftables/expressions.ts';
import { chainAttributesOf, ruleUserdata, setAttributesOf } from './attributes.ts';
import type { ChainChanges } from './content.ts';
import { expressionsOf } from './expressions.ts';
import type { ChainNode, RuleNode, TableNode } from './nodes.ts';
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
  for (const set of table.sets) {
    batch.addSet(nftFamily[table.family], name, { name: set.name, ...setAttributesOf(set) });
  }
  for (const chain of table.chains) addChain(batch, table, name, chain);
  for (const chain of table.chains) addRules(batch, table, name, chain);
}

function addChain(batch: Batch, { family }: TableNode, table: string, chain: ChainNode): void {
  batch.addChain(nftFamily[family], table, { name: chain.name, ...chainAttributesOf(chain) });
}

function addRules(batch: Batch, { family }: TableNode, table: string, { name, rules }: ChainNode): void {
  let before: RuleNode | null = null;
  let attributes: ReturnType<typeof ruleAttributesOf> | null = null;
  for (const rule of rules) {
    // The draws of a chain are one node that stands there many times: it is encoded once.
    if (attributes === null || rule !== before) attributes = ruleAttributesOf(rule);
    before = rule;
    batch.addRule(nftFamily[family], table, name, attributes);
  }
}

function ruleAttributesOf(rule: RuleNode) {
  return { expressions: expressionsOf(rule.statements).map(encodeExpression), ...ruleUserdata(rule) };
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
