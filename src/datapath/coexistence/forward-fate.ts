import { grouped } from '../../base/collect.ts';
import type { ForeignRule, ForeignTable } from './foreign-table.ts';

/** What a chain does with translated packets that no specific rule matches. */
export type Fate =
  | { readonly kind: 'pass' }
  /** `index`: the rule that drops them; null: the policy does. */
  | { readonly kind: 'drop'; readonly index: number | null };

type Chains = ReadonlyMap<string, readonly ForeignRule[]>;

/** Deeper than iptables and nft allow. The kernel refuses chains that jump in a circle. */
const DEEPEST = 32;

/**
 * Walks through a base chain at the hook forward. Rules that drop particular packets (an administrator's block, a
 * network policy) are ignored. Undefined when the table has no such chain.
 */
export function fateIn({ chains, rules }: ForeignTable, base: string): Fate | undefined {
  const chain = chains.find(({ name }) => name === base);
  if (chain === undefined) return undefined;
  const byChain = grouped(rules, ({ chain }) => chain);
  for (const [index, rule] of (byChain.get(base) ?? []).entries()) {
    const end = endOf(rule, byChain, 0);
    if (end === 'pass') return { kind: 'pass' };
    if (end === 'drop') return { kind: 'drop', index };
    // After a return of the base chain, or the end of a goto, the policy decides, not the rules that follow.
    if (end === 'return' || isGoto(rule))
      return chain.policyDrops ? { kind: 'drop', index } : { kind: 'pass' };
  }
  return chain.policyDrops ? { kind: 'drop', index: null } : { kind: 'pass' };
}

/** What drops, for messages: `policy drop`, `rule 3`; null when nothing does. */
export function dropText(fate: Fate): string | null {
  if (fate.kind === 'pass') return null;
  return fate.index === null ? 'policy drop' : `rule ${fate.index + 1}`;
}

/** `on`: the packet goes to the next rule, also when the rule may or may not match. */
type End = 'pass' | 'drop' | 'return' | 'on';

function endOf({ action, covers }: ForeignRule, chains: Chains, depth: number): End {
  if (action.kind === 'accept') return covers === 'some' ? 'on' : 'pass';
  if (covers !== 'all') return 'on';
  if (action.kind === 'drop' || action.kind === 'return') return action.kind;
  if (!('chain' in action) || depth === DEEPEST) return 'on';
  for (const inner of chains.get(action.chain) ?? []) {
    const end = endOf(inner, chains, depth + 1);
    if (end === 'pass' || end === 'drop') return end;
    if (end === 'return' || isGoto(inner)) return 'on';
  }
  return 'on';
}

function isGoto({ action, covers }: ForeignRule): boolean {
  return action.kind === 'goto' && covers === 'all';
}
