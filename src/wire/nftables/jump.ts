/**
 * Where a rule jumps to. A jump is an `immediate` expression that loads a verdict with a chain:
 * include/uapi/linux/netfilter/nf_tables.h, `enum nft_immediate_attributes`, `nft_data_attributes`. What iptables-nft writes for `-j CHAIN` is one too.
 */
import { nest, skipped } from '../attributes.ts';
import type { RuleDeclaration } from './declarations.ts';
import { verdictAttributes } from './element.ts';

const dataAttributes = nest({
  value: [1, 'NFTA_DATA_VALUE', skipped],
  verdict: [2, 'NFTA_DATA_VERDICT', verdictAttributes],
});

const immediateAttributes = nest({
  register: [1, 'NFTA_IMMEDIATE_DREG', skipped],
  data: [2, 'NFTA_IMMEDIATE_DATA', dataAttributes],
});

/** The chain that the rule itself jumps or goes to; null for none. Verdict maps are not looked into. */
export function jumpTarget({ expressions = [] }: RuleDeclaration): string | null {
  for (const { name, data } of expressions) {
    if (name !== 'immediate' || data === undefined) continue;
    const chain = immediateAttributes.read(data, 0, data.length, 'immediate').data?.verdict?.chain;
    if (chain !== undefined) return chain;
  }
  return null;
}
