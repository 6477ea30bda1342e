import { formatRef } from '../../model/object.ts';
import type { CanonicalEntry } from '../../plan/canonical.ts';
import type { Conflict } from '../../plan/claims.ts';
import type { Notice } from '../../plan/fragment.ts';
import { reasonOfNotice } from './reasons.ts';

/** What objects want and do not have, in the form of entries: under the reasons of their Events. */
export function refusals({
  notices,
  conflicts,
}: {
  readonly notices: readonly Notice[];
  readonly conflicts: readonly Conflict[];
}): CanonicalEntry[] {
  return [
    ...notices.map(({ reason, object, message }) =>
      refusal(reasonOfNotice[reason], formatRef(object), '', message),
    ),
    ...conflicts.flatMap(({ key, winner, losers, because }) =>
      losers.map((loser) =>
        refusal('NatConflict', formatRef(loser), key, `belongs to ${formatRef(winner)}: ${because}`),
      ),
    ),
  ];
}

/** @param what the key that is wanted; empty where the message says what is meant */
function refusal(reason: string, owner: string, what: string, message: string): CanonicalEntry {
  return { kind: 'Refused', key: what === '' ? owner : what, owner, reason, message };
}
