import type { ClaimChange } from '../forms/what-if.ts';
import { deepEqual } from '../model/equal.ts';
import { compareText } from '../model/text.ts';
import type { Conflict } from '../plan/claims.ts';
import type { Both } from './sides.ts';

/** Where several objects want the same, and who has it or who does not changes; by key. */
export function claimChanges({ before, after }: Both<ReadonlyMap<string, Conflict>>): ClaimChange[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].sort(compareText).flatMap((key) => {
    const claim = { key, before: before.get(key) ?? null, after: after.get(key) ?? null };
    return deepEqual(claim.before, claim.after) ? [] : [claim];
  });
}
