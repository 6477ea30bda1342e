import { grouped } from '../../base/collect.ts';
import type { ForeignRule, ForeignTable } from './foreign-table.ts';

/** What a chain does with translated packets that match no rule about particular packets. */
export type Fate =
  | { readonly kind: 'pass' }
  /** `index`: of the rule of the chain behind which they never come; null: they come to the end, and the policy drops. */
  | { readonly kind: 'drop'; readonly index: number | null };

type Chains = ReadonlyMap<string, readonly ForeignRule[]>;

/** Deeper than iptables and nft allow. Chains that jump to each other in a circle are refused by the kernel. */
const DEEPEST = 32;

/**
 * Walks through a base chain at the hook forward. Rules that drop some packets by what they are (an administrator's block,
 * a network policy) are not our business: only what drops the rest is. Undefined where the table has no such chain.
 */
export function fateIn({ chains, rules }: ForeignTable, base: string): Fate | undefined {
  const chain = chains.find(({ name }) => name === base);
  if (chain === undefined) return undefined;
  const byChain = grouped(rules, ({ chain }) => chain);
  for (const [index, rule] of (byChain.get(base) ?? []).entries()) {
    const end = endOf(rule, byChain, 0);
    if (end === 'pass') return { kind: 'pass' };
    if (end === 'drop') return { kind: 'drop', index };
    // A return of the base chain itself, or the end of where it went for good: the policy decides, rules behind do not.
    if (end === 'return' || isGoto(rule))
      return chain.policyDrops ? { kind: 'drop', index } : { kind: 'pass' };
  }
  return chain.policyDrops ? { kind: 'drop', index: null } : { kind: 'pass' };
}

/** `policy drop`, `rule 3`: what drops, for people; null where nothing does. */
export function dropText(fate: Fate): string | null {
  if (fate.kind === 'pass') return null;
  return fate.index === null ? 'policy drop' : `rule ${fate.index + 1}`;
}

/** `on`: to the rule behind; so do packets of which the rule may or may not take note. */
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
