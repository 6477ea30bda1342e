import type { ForeignRule, ForeignTable } from './foreign-table.ts';
import { type Fate, fateIn } from './forward-fate.ts';

/** The comment that marks our rule, so that it can be removed without other state. */
const COMMENT = 'knat[accept_dnat]';

/** Accepts translated packets in both directions. */
export const ACCEPT_RULE = `-m conntrack --ctstate DNAT -m comment --comment "${COMMENT}" -j ACCEPT`;

/** The chain FORWARD of the table filter as `iptables-save` prints it. */
export interface SavedForward {
  /** What the other programs' rules do. */
  readonly fate: Fate;
  /** Number of other programs' rules in the chain. */
  readonly foreign: number;
  /** Our rules: their printed lines, and how many rules of other programs precede each. */
  readonly ours: readonly { readonly line: string; readonly before: number }[];
}

/** Null when the table has no chain FORWARD. */
export function savedForward(filter: ForeignTable<string>): SavedForward | null {
  const isOurs = ({ chain, id }: ForeignRule<string>) => chain === 'FORWARD' && id.includes(COMMENT);
  const fate = fateIn({ ...filter, rules: filter.rules.filter((rule) => !isOurs(rule)) }, 'FORWARD');
  if (fate === undefined) return null;
  const ours: { line: string; before: number }[] = [];
  let foreign = 0;
  for (const rule of filter.rules) {
    if (isOurs(rule)) ours.push({ line: rule.id, before: foreign });
    else if (rule.chain === 'FORWARD') foreign++;
  }
  return { fate, foreign, ours };
}

/**
 * The input for `iptables-restore --noflush` that adds, moves or removes our rule; empty for no change. It is
 * one transaction, so the rule is never absent while it moves.
 *
 * The rule stands as late as possible: right before the rule that drops everything left, or at the end when the policy
 * drops. Rules before it that drop particular packets stay in force.
 */
export function forwardEdit({ fate, foreign, ours }: SavedForward, wanted: boolean): string {
  const place = wanted && fate.kind === 'drop' ? (fate.index ?? foreign) : null;
  const [first, ...others] = ours;
  if (place === null ? first === undefined : first?.before === place && others.length === 0) return '';
  const lines = ['*filter'];
  // Our rules are deleted first, so that the numbers count only the other rules.
  for (const { line } of ours) lines.push(line.replace(/^-A /, '-D '));
  if (place !== null) lines.push(`-I FORWARD ${place + 1} ${ACCEPT_RULE}`);
  return [...lines, 'COMMIT', ''].join('\n');
}
