import type { Notice } from '../model/finding.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Conflict } from './claims.ts';
import type { EgressSource, FamilyScope, PlanEntry, PodSourcePort, Tuple } from './entry.ts';
import { scopeKey } from './entry-key.ts';

/** The NAT that is wanted on this node: the union of the fragments, conflicts settled. */
export interface NatPlan {
  /** Grows with every change. */
  readonly revision: number;
  /** The entry that won this key. Of a range: the stretch of it that has this very key. */
  entry(key: string): PlanEntry | undefined;
  /** What becomes of packets to this address, protocol and port: a frontend or a binding, or a stretch of one. */
  entryAt(tuple: Tuple): PlanEntry | undefined;
  /** What a pod's packets from this address, protocol and port leave with, where its own binding names the port. */
  sourceAt(tuple: Tuple): PodSourcePort | undefined;
  /** All entries that won, in no order. */
  entries(): IterableIterator<PlanEntry>;
  /** All keys whose entry may have changed after this revision; null when that is not known: look at all. */
  changedSince(revision: number): ReadonlySet<string> | null;
  /** What EgressRules say about a source address; undefined: nothing. */
  egressSource(address: IpAddress): EgressSource | undefined;
  readonly conflicts: ReadonlyMap<string, Conflict>;
  /** The conflicts about what is sent to this address, protocol and port. */
  conflictsAt(tuple: Tuple): readonly Conflict[];
  notices(): IterableIterator<Notice>;
  /** How many entries of a kind won; kept, never counted. */
  count(kind: PlanEntry['kind']): number;
  /** Grows whenever notices may have changed. */
  readonly noticeRevision: number;
}

/** What of a plan decides how a packet is translated. */
export type TranslatingPlan = Pick<NatPlan, 'entry' | 'entryAt' | 'sourceAt' | 'egressSource'>;

/** The scope of a family; every plan has both. */
export function scopeOf(plan: Pick<NatPlan, 'entry'>, family: Family): FamilyScope {
  const entry = plan.entry(scopeKey(family));
  if (entry?.kind !== 'FamilyScope') throw new TypeError(`the plan has no scope for ${family}`);
  return entry;
}
