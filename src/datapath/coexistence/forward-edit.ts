import { fateIn } from './forward-fate.ts';
import { ACCEPT_RULE, type SavedForward } from './forward-saved.ts';

/**
 * The script for `iptables-restore --noflush` that puts our rule where it has to be, or takes it away; empty when
 * everything is as it should be. It is one transaction: the rule is never away for a moment while it moves.
 *
 * Its place is as late as possible: right before the rule that drops all that is left, or at the end where the policy
 * does. What drops some packets by what they are stands before it and stays in force. A chain that drops nothing needs no rule.
 */
export function forwardEdit({ foreign, ours }: SavedForward, wanted: boolean): string {
  const fate = fateIn(foreign);
  const place = wanted && fate.kind === 'drop' ? (fate.index ?? foreign.rules.length) : null;
  const [first, ...others] = ours;
  if (place === null ? first === undefined : first?.before === place && others.length === 0) return '';
  const lines = ['*filter'];
  // Ours go first, so that the numbers are those of the others' rules alone.
  for (const { line } of ours) lines.push(line.replace(/^-A /, '-D '));
  if (place !== null) lines.push(`-I FORWARD ${place + 1} ${ACCEPT_RULE}`);
  return [...lines, 'COMMIT', ''].join('\n');
}

/** What drops, for people. */
export function dropText({ foreign }: SavedForward): string | null {
  const fate = fateIn(foreign);
  if (fate.kind === 'pass') return null;
  return fate.index === null ? 'policy drop' : `rule ${fate.index + 1}`;
}
