import type { Notice } from '../model/finding.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Conflict } from './claims.ts';
import type { EgressSource, FamilyScope, PlanEntry, PodSourcePort, Tuple } from './entry.ts';
import { scopeKey } from './entry-key.ts';

/** All NAT wanted on this node: the union of the fragments, with conflicts decided. */
export interface NatPlan {
  readonly revision: number;
  /** The entry that won this key; for a range: the stretch with this key. */
  entry(key: string): PlanEntry | undefined;
  /** The frontend or binding for packets to this address, protocol and port. */
  entryAt(tuple: Tuple): PlanEntry | undefined;
  /** The new source of a pod's packets from this address, protocol and port, if its own binding has the port. */
  sourceAt(tuple: Tuple): PodSourcePort | undefined;
  /** In no order. */
  entries(): IterableIterator<PlanEntry>;
  /** All keys whose entry may have changed after this revision; null: not known, so look at all entries. */
  changedSince(revision: number): ReadonlySet<string> | null;
  /** The entry of EgressRules for a source address. */
  egressSource(address: IpAddress): EgressSource | undefined;
  readonly conflicts: ReadonlyMap<string, Conflict>;
  /** The conflicts about packets to this address, protocol and port. */
  conflictsAt(tuple: Tuple): readonly Conflict[];
  notices(): IterableIterator<Notice>;
  /** In constant time. */
  count(kind: PlanEntry['kind']): number;
  /** Services with at least one frontend. Looks at the conflicts alone. */
  countServices(): number;
  /** Grows whenever notices may have changed. */
  readonly noticeRevision: number;
}

/** The part of a plan that decides how a packet is translated. */
export type TranslatingPlan = Pick<NatPlan, 'entry' | 'entryAt' | 'sourceAt' | 'egressSource'>;

/** Every plan has a scope of both families. */
export function scopeOf(plan: Pick<NatPlan, 'entry'>, family: Family): FamilyScope {
  const entry = plan.entry(scopeKey(family));
  if (entry?.kind !== 'FamilyScope') throw new TypeError(`the plan has no scope for ${family}`);
  return entry;
}
