import type { CanonicalEntry } from '../../plan/canonical.ts';

/** Asked for beside the kinds of entries: what objects want and do not have. It is not in the plan. */
export const REFUSED = 'refused';

/** What of a query for entries can be asked of what was refused. */
export interface RefusedQuery {
  /** `shop/web` or `Pod shop/web`, in any case; null: all. */
  readonly object: string | null;
  /** Stands anywhere, in any case; empty: all. */
  readonly search: string;
}

/** Whether something refused (its canonical form has the kind `Refused`) is asked for. */
export function isRefusedAskedFor(entry: CanonicalEntry, { object, search }: RefusedQuery): boolean {
  const owner = String(entry.owner).toLowerCase();
  const asked = object?.toLowerCase() ?? owner;
  if (owner !== asked && owner.slice(owner.indexOf(' ') + 1) !== asked) return false;
  return search === '' || JSON.stringify(entry).toLowerCase().includes(search.toLowerCase());
}
