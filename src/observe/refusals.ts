import { eventOf } from '../model/finding-codes.ts';
import { formatRef } from '../model/object.ts';
import type { CanonicalEntry } from '../plan/canonical.ts';
import type { AgentStatus } from './status.ts';

/** What objects want and do not have, in the form of entries: under the reasons of their Events. */
export function refusals({
  notices,
  conflicts,
}: Pick<AgentStatus, 'notices' | 'conflicts'>): CanonicalEntry[] {
  return [
    ...notices.map(({ reason, object, message }) =>
      refusal(eventOf(reason), formatRef(object), formatRef(object), message),
    ),
    ...conflicts.flatMap(({ key, winner, losers, because }) =>
      losers.map((loser) =>
        refusal('NatConflict', formatRef(loser), key, `belongs to ${formatRef(winner)}: ${because}`),
      ),
    ),
  ];
}

/** @param key what is wanted; the owner where the message says what is meant */
function refusal(reason: string, owner: string, key: string, message: string): CanonicalEntry {
  return { kind: 'Refused', key, owner, reason, message };
}
