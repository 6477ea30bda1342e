import type { ForeignRule, ForeignTable } from './foreign-table.ts';
import { type Fate, fateIn } from './forward-fate.ts';

/** The comment that marks our rule, so that it can be removed without other state. */
const COMMENT = 'knat[accept_dnat]';

/** Accepts translated packets, in both directions, and nothing else. */
export const ACCEPT_RULE = `-m conntrack --ctstate DNAT -m comment --comment "${COMMENT}" -j ACCEPT`;

/** The chain FORWARD of the table filter as `iptables-save` prints it. */
export interface SavedForward {
  /** What the rules of others do. */
  readonly fate: Fate;
  /** Rules of others in the chain. */
  readonly foreign: number;
  /** Our rules: their lines as they were printed, and how many rules of others stand before each. */
  readonly ours: readonly { readonly line: string; readonly before: number }[];
}

/** Null where the table has no chain FORWARD. */
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
 * The script for `iptables-restore --noflush` that puts our rule where it has to be, or takes it away; empty when
 * everything is as it should be. It is one transaction: the rule is never away for a moment while it moves.
 *
 * Its place is as late as possible: right before the rule that drops all that is left, or at the end where the policy
 * does. What drops some packets by what they are stands before it and stays in force. A chain that drops nothing needs no rule.
 */
export function forwardEdit({ fate, foreign, ours }: SavedForward, wanted: boolean): string {
  const place = wanted && fate.kind === 'drop' ? (fate.index ?? foreign) : null;
  const [first, ...others] = ours;
  if (place === null ? first === undefined : first?.before === place && others.length === 0) return '';
  const lines = ['*filter'];
  // Ours go first, so that the numbers are those of the others' rules alone.
  for (const { line } of ours) lines.push(line.replace(/^-A /, '-D '));
  if (place !== null) lines.push(`-I FORWARD ${place + 1} ${ACCEPT_RULE}`);
  return [...lines, 'COMMIT', ''].join('\n');
}
