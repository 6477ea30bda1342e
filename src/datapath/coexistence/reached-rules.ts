import { grouped } from '../../base/collect.ts';
import type { PortSpan } from '../../net/port.ts';
import { type Prefix, prefixContains } from '../../net/prefix.ts';
import type { ForeignRule, ForeignTable, RuleMatch } from './foreign-table.ts';

/** A table with its relevant base chains. */
export interface RuleTable extends ForeignTable {
  readonly bases: readonly string[];
}

/** A rule, with all conditions on the way to it. */
export type ReachedRule = Pick<ForeignRule, 'chain' | 'match' | 'action'>;

/** Deeper than iptables and nft allow. */
const DEEPEST = 16;
/** Limit of followed ways in one table; real rulesets stay far below. */
const MOST_WAYS = 200_000;

/**
 * Every reachable rule with the conditions on the way to it. A chain that two rules jump to is visited twice.
 * @param isFollowed false: skip the chain and everything behind it
 */
export function* reachedRules(
  { bases, rules }: RuleTable,
  isFollowed: (chain: string) => boolean,
): Generator<ReachedRule> {
  const byChain = grouped(rules, ({ chain }) => chain);
  let ways = 0;
  function* walk(chain: string, before: RuleMatch | null, depth: number): Generator<ReachedRule> {
    if (depth > DEEPEST || !isFollowed(chain)) return;
    for (const rule of byChain.get(chain) ?? []) {
      if (++ways > MOST_WAYS) return;
      const { action } = rule;
      const match = before === null ? rule.match : both(before, rule.match);
      if (match === null) continue;
      if ('chain' in action) yield* walk(action.chain, match, depth + 1);
      else yield { chain, match, action };
    }
  }
  for (const base of bases) yield* walk(base, null, 0);
}

/** Null when no packet matches both. */
function both(a: RuleMatch, b: RuleMatch): RuleMatch | null {
  const families = a.families.filter((family) => b.families.includes(family));
  const protocols = common(a.protocols, b.protocols, (one, other) => (one === other ? one : null));
  const ports = common(a.ports, b.ports, commonSpan);
  const source = narrower(a.source, b.source);
  const destination = narrower(a.destination, b.destination);
  if (families.length === 0 || protocols?.length === 0 || ports?.length === 0) return null;
  if (source === 'none' || destination === 'none') return null;
  return {
    families,
    protocols,
    ports,
    source,
    destination,
    notOut: a.notOut ?? b.notOut,
    isMarked: a.isMarked || b.isMarked,
  };
}

function common<T>(
  a: readonly T[] | null,
  b: readonly T[] | null,
  meet: (one: T, other: T) => T | null,
): readonly T[] | null {
  if (a === null || b === null) return a ?? b;
  return a.flatMap((one) => b.flatMap((other) => meet(one, other) ?? []));
}

function commonSpan(a: PortSpan, b: PortSpan): PortSpan | null {
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  return first > last ? null : { first, last };
}

function narrower(a: Prefix | null, b: Prefix | null): Prefix | null | 'none' {
  if (a === null || b === null) return a ?? b;
  if (a.family !== b.family) return 'none';
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return prefixContains(wide, narrow.address) ? narrow : 'none';
}
