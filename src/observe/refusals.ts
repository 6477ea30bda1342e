import type { Refusal } from '../forms/entries.ts';
import type { Status } from '../forms/status.ts';
import { eventOf } from '../model/finding-codes.ts';
import { formatRef } from '../model/object.ts';
import { ownerText } from '../plan/claims.ts';

/** Refused claims in the form of entries, with the reasons of their Events. */
export function refusals({ notices, conflicts }: Pick<Status, 'notices' | 'conflicts'>): Refusal[] {
  const kind = 'Refused';
  return [
    ...notices.map(({ reason, object, message }): Refusal => {
      const owner = formatRef(object);
      return { kind, key: owner, owner, reason: eventOf(reason), message };
    }),
    ...conflicts.flatMap(({ code, key, losers, ...has }) =>
      losers.map((loser): Refusal => {
        return { kind, key, owner: formatRef(loser), reason: eventOf(code), message: ownerText(has) };
      }),
    ),
  ];
}
