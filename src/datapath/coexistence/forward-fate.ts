/** What a rule does to a translated packet that is forwarded, as far as it can be told without looking at one. */
export interface ForwardRule {
  /**
   * `pass`: accepts every packet, or at least every translated one; `drop`, `return`: all packets; `maybe`: depends on
   * the packet, or on a program that is not known. `jump` and `goto` are followed where all packets take them.
   */
  readonly does: 'pass' | 'drop' | 'return' | 'maybe' | 'jump' | 'goto';
  /** The chain of `jump` and `goto`. */
  readonly chain?: string;
}

/** A chain that forwarded packets pass, with the chains that it leads to. */
export interface ForwardChain {
  readonly policyDrops: boolean;
  readonly rules: readonly ForwardRule[];
  /** The other chains of the table, by their names. */
  readonly chains: ReadonlyMap<string, readonly ForwardRule[]>;
}

/** What becomes of translated packets of which no rule that depends on the packet takes note. */
export type Fate =
  | { readonly kind: 'pass' }
  /** `index`: of the rule of the chain behind which they never come; null: they come to the end, and the policy drops. */
  | { readonly kind: 'drop'; readonly index: number | null };

/** Deeper than iptables and nft allow; chains that lead to each other in a circle are refused by the kernel. */
const DEEPEST = 32;

/**
 * Walks through the chain. Rules that drop some packets by what they are (an administrator's block, a network policy)
 * are not our business: only what drops the rest is.
 */
export function fateIn(chain: ForwardChain): Fate {
  for (const [index, rule] of chain.rules.entries()) {
    const end = endOf(rule, chain.chains, 0);
    if (end === 'pass') return { kind: 'pass' };
    if (end === 'drop') return { kind: 'drop', index };
    // A return of the base chain itself, or the end of where it went for good: the policy decides, rules behind do not.
    if (end === 'return' || rule.does === 'goto')
      return chain.policyDrops ? { kind: 'drop', index } : { kind: 'pass' };
  }
  return chain.policyDrops ? { kind: 'drop', index: null } : { kind: 'pass' };
}

type End = 'pass' | 'drop' | 'return' | 'on';

function endOf(rule: ForwardRule, chains: ForwardChain['chains'], depth: number): End {
  switch (rule.does) {
    case 'pass':
    case 'drop':
    case 'return':
      return rule.does;
    case 'maybe':
      return 'on';
    case 'jump':
    case 'goto': {
      if (depth === DEEPEST) return 'on';
      for (const inner of chains.get(rule.chain ?? '') ?? []) {
        const end = endOf(inner, chains, depth + 1);
        if (end === 'pass' || end === 'drop') return end;
        if (end === 'return' || inner.does === 'goto') return 'on';
      }
      return 'on';
    }
    default:
      return rule.does satisfies never;
  }
}
