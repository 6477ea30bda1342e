import type { Refusal } from '../forms/entries.ts';
import type { Status } from '../forms/status.ts';
import { eventOf } from '../model/finding-codes.ts';
import { formatRef } from '../model/object.ts';

/** What objects want and do not have, in the form of entries: under the reasons of their Events. */
export function refusals({ notices, conflicts }: Pick<Status, 'notices' | 'conflicts'>): Refusal[] {
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
function refusal(reason: string, owner: string, key: string, message: string): Refusal {
  return { kind: 'Refused', key, owner, reason, message };
}
