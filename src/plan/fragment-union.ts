import { grouped } from '../base/collect.ts';
import { deepEqual } from '../model/equal.ts';
import type { Notice } from '../model/finding.ts';
import { objectKey } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import { Journal, NoticesByFragment, Tally } from './bookkeeping.ts';
import { type Conflict, compareClaims, conflictOf } from './claims.ts';
import { EgressSourceIndex } from './egress-source-index.ts';
import type { EgressSource, PlanEntry, PodSourcePort, Tuple } from './entry.ts';
import { podSourcePortKey, tupleKey } from './entry-key.ts';
import type { Fragment } from './fragment.ts';
import type { NatPlan } from './nat-plan.ts';
import { isPortClaim, isRange, laneName, type PortClaim } from './port-claims.ts';
import { PortLanes } from './port-lanes.ts';

/**
 * The fragments and their union. Replacing a fragment costs only what changed in it. The content does not depend on the
 * order of the fragments.
 */
export class FragmentUnion implements NatPlan {
  /** The entries of each fragment that has any. */
  readonly #fragments = new Map<string, readonly PlanEntry[]>();
  /** Number of fragments with frontends: those of Services. */
  #serving = 0;
  readonly #notices = new NoticesByFragment();
  readonly #journal = new Journal();
  readonly #tally = new Tally<PlanEntry['kind']>();
  /** Claims by key: a single claim, or a list with the winner first. */
  readonly #claims = new Map<string, PlanEntry | PlanEntry[]>();
  readonly #conflicts = new Map<string, Conflict>();
  readonly #lanes = new PortLanes();
  /** The entries of ranges, each with the ports that it won. */
  readonly #pieces = new Map<string, PlanEntry>();
  /** Keys of single ports that a range won. */
  readonly #beaten = new Set<string>();
  /** Source ports made from bindings, by the binding's key. */
  readonly #sourcePorts = new Map<string, PodSourcePort>();
  readonly #egressSources = new EgressSourceIndex();

  /** Replaces the fragment of this name; an empty one removes it. */
  replace(name: string, fragment: Fragment): void {
    this.#notices.replace(name, fragment.notices);
    const old = this.#fragments.get(name);
    let { entries } = fragment;
    this.#serving += Number(entries.some(isFrontend)) - Number(old?.some(isFrontend) ?? false);
    if (old !== undefined) entries = this.#exchange(old, entries);
    else for (const entry of entries) this.#claim(entry);
    if (entries.length === 0) this.#fragments.delete(name);
    else if (entries !== old) this.#fragments.set(name, entries);
  }

  /** The entries of a fragment; null where it has none, or has notices too. */
  entriesWithoutNotices(name: string): readonly PlanEntry[] | null {
    return this.#notices.has(name) ? null : (this.#fragments.get(name) ?? null);
  }

  /** Ends a round of replacements: the keys that changed get a revision. */
  seal(): void {
    this.#settleLanes();
    if (this.#journal.pending.size === 0) return;
    this.#followBindings();
    this.#settleLanes();
    this.#egressSources.changed(this.#journal.pending);
    this.#journal.seal();
  }

  entry(key: string): PlanEntry | undefined {
    return this.#pieces.get(key) ?? (this.#beaten.has(key) ? undefined : this.#single(key));
  }

  entryAt(tuple: Tuple): PlanEntry | undefined {
    return this.#at('to', tuple, tupleKey(tuple));
  }

  sourceAt(tuple: Tuple): PodSourcePort | undefined {
    const found = this.#at('from', tuple, podSourcePortKey(tuple, 1));
    return found?.kind === 'PodSourcePort' ? found : undefined;
  }

  conflictsAt(tuple: Tuple): readonly Conflict[] {
    const own = this.#conflicts.get(tupleKey(tuple));
    const others = this.#lanes.conflictsAt(laneName('to', tuple), tuple.port);
    return own === undefined || others.some(({ key }) => key === own.key) ? others : [own, ...others];
  }

  #at(way: 'to' | 'from', tuple: Tuple, key: string): PlanEntry | undefined {
    return this.entry(key) ?? this.#lanes.at(laneName(way, tuple), tuple.port);
  }

  #single(key: string): PlanEntry | undefined {
    const claims = this.#claims.get(key);
    return Array.isArray(claims) ? claims[0] : claims;
  }

  egressSource(address: IpAddress): EgressSource | undefined {
    return this.#egressSources.find(address, () => this.entries());
  }

  *entries(): IterableIterator<PlanEntry> {
    if (this.#beaten.size === 0) yield* this.#singles();
    else for (const winner of this.#singles()) if (!this.#beaten.has(winner.key)) yield winner;
    yield* this.#pieces.values();
  }

  *#singles(): IterableIterator<PlanEntry> {
    for (const claims of this.#claims.values()) {
      const winner = Array.isArray(claims) ? claims[0] : claims;
      if (winner !== undefined) yield winner;
    }
  }

  get revision(): number {
    return this.#journal.revision;
  }

  changedSince(revision: number): ReadonlySet<string> | null {
    return this.#journal.changedSince(revision);
  }

  get conflicts(): ReadonlyMap<string, Conflict> {
    return this.#conflicts;
  }

  notices(): IterableIterator<Notice> {
    return this.#notices.all();
  }

  get noticeRevision(): number {
    return this.#notices.revision;
  }

  count(kind: PlanEntry['kind']): number {
    return this.#tally.of(kind);
  }

  countServices(): number {
    const losers = new Set<string>();
    for (const conflict of this.#conflicts.values()) {
      for (const { kind, namespace, name } of conflict.losers) {
        if (kind === 'Service') losers.add(objectKey(namespace, name));
      }
    }
    let count = this.#serving;
    for (const name of losers) {
      const frontends = this.#fragments.get(name)?.filter(isFrontend) ?? [];
      if (frontends.length > 0 && !frontends.some((entry) => this.entry(entry.key) === entry)) count--;
    }
    return count;
  }

  /** Keeps an old entry if a new one is equal. Returns the entries that are now valid. */
  #exchange(old: readonly PlanEntry[], wanted: readonly PlanEntry[]): readonly PlanEntry[] {
    if (haveSameKeys(old, wanted)) return this.#exchangeInPlace(old, wanted);
    const kept = grouped(old, ({ key }) => key);
    const entries = wanted.map((entry) => {
      const candidates = kept.get(entry.key);
      const index = candidates?.findIndex((candidate) => deepEqual(candidate, entry)) ?? -1;
      if (candidates !== undefined && index >= 0) return candidates.splice(index, 1)[0] ?? entry;
      this.#claim(entry);
      return entry;
    });
    for (const gone of kept.values()) for (const entry of gone) this.#release(entry);
    return entries;
  }

  /** The same for lists with the same keys in the same order, which is the usual change. */
  #exchangeInPlace(old: readonly PlanEntry[], wanted: readonly PlanEntry[]): readonly PlanEntry[] {
    let entries: PlanEntry[] | null = null;
    for (let index = 0; index < old.length; index++) {
      const [entry, next] = [old[index] as PlanEntry, wanted[index] as PlanEntry];
      if (deepEqual(entry, next)) continue;
      this.#replaceClaim(entry, next);
      entries ??= old.slice();
      entries[index] = next;
    }
    return entries ?? old;
  }

  /** Puts a claim into the place of another to the same key. */
  #replaceClaim(old: PlanEntry, next: PlanEntry): void {
    if (this.#claims.get(next.key) === old && old.kind === next.kind) {
      // Nobody else claims the key, so that nothing needs to be decided.
      this.#claims.set(next.key, next);
      this.#journal.pending.add(next.key);
      if (isPortClaim(old) && isPortClaim(next)) this.#lanes.replaceSingle(old, next);
      return;
    }
    this.#claim(next);
    this.#release(old);
  }

  #claim(entry: PlanEntry): void {
    if (isPortClaim(entry) && isRange(entry)) {
      this.#lanes.addRange(entry);
      return;
    }
    const claims = this.#claims.get(entry.key);
    if (claims === undefined) {
      this.#claims.set(entry.key, entry);
      this.#tally.add(entry.kind);
      this.#journal.pending.add(entry.key);
      if (isPortClaim(entry)) this.#lanes.replaceSingle(undefined, entry);
      return;
    }
    this.#settle(entry.key, [...(Array.isArray(claims) ? claims : [claims]), entry].sort(compareClaims));
  }

  #release(entry: PlanEntry): void {
    if (isPortClaim(entry) && isRange(entry)) {
      this.#lanes.removeRange(entry);
      return;
    }
    const claims = this.#claims.get(entry.key);
    this.#settle(entry.key, Array.isArray(claims) ? claims.filter((claim) => claim !== entry) : []);
  }

  #settle(key: string, claims: PlanEntry[]): void {
    const [first] = claims;
    const before = this.#single(key);
    const isBeaten = this.#beaten.has(key);
    if (before !== undefined && !isBeaten) this.#tally.take(before.kind);
    if (first !== undefined && !isBeaten) this.#tally.add(first.kind);
    if (first === undefined) {
      this.#claims.delete(key);
      this.#beaten.delete(key);
    } else this.#claims.set(key, claims.length === 1 ? first : claims);
    const conflict = conflictOf(claims);
    if (conflict === null) this.#conflicts.delete(key);
    else this.#conflicts.set(key, conflict);
    this.#journal.pending.add(key);
    const claim = [before, first].map((each) => (each !== undefined && isPortClaim(each) ? each : undefined));
    this.#lanes.replaceSingle(claim[0], claim[1]);
  }

  /** Settles the lanes that changed: ranges, and the single ports that ranges win or lose. */
  #settleLanes(): void {
    for (const { before, after } of this.#lanes.settle(() => this.#singles())) {
      const kept = new Set(after.pieces.map(({ entry }) => entry));
      for (const { entry } of before.pieces) {
        if (kept.delete(entry)) continue;
        this.#pieces.delete(entry.key);
        this.#tally.take(entry.kind);
        this.#journal.pending.add(entry.key);
      }
      for (const entry of kept) {
        this.#pieces.set(entry.key, entry);
        this.#tally.add(entry.kind);
        this.#journal.pending.add(entry.key);
      }
      for (const claim of before.beaten) if (!after.beaten.has(claim)) this.#setBeaten(claim, false);
      for (const claim of after.beaten) this.#setBeaten(claim, true);
      for (const key of before.conflicts.keys()) {
        if (after.conflicts.has(key)) continue;
        const claims = this.#claims.get(key);
        this.#setConflict(key, Array.isArray(claims) ? conflictOf(claims) : null);
      }
      for (const [key, conflict] of after.conflicts) this.#setConflict(key, conflict);
    }
  }

  #setConflict(key: string, conflict: Conflict | null): void {
    if (deepEqual(this.#conflicts.get(key) ?? null, conflict)) return;
    if (conflict === null) this.#conflicts.delete(key);
    else this.#conflicts.set(key, conflict);
    this.#journal.pending.add(key);
  }

  #setBeaten({ key }: PortClaim, isBeaten: boolean): void {
    if (this.#beaten.has(key) === isBeaten) return;
    const winner = this.#single(key);
    if (winner === undefined) return;
    if (isBeaten) this.#beaten.add(key);
    else this.#beaten.delete(key);
    if (isBeaten) this.#tally.take(winner.kind);
    else this.#tally.add(winner.kind);
    this.#journal.pending.add(key);
  }

  #followBindings(): void {
    if (this.#sourcePorts.size + this.count('PodBinding') + this.count('PodReservation') === 0) return;
    for (const key of [...this.#journal.pending]) {
      const old = this.#sourcePorts.get(key);
      const entry = this.entry(key);
      const now = entry === undefined ? null : sourcePortOf(entry);
      if (old === undefined && now === null) continue;
      if (old !== undefined && now !== null && deepEqual(old, now)) continue;
      if (now !== null) this.#claim(now);
      if (old !== undefined) this.#release(old);
      if (now === null) this.#sourcePorts.delete(key);
      else this.#sourcePorts.set(key, now);
    }
  }
}

function isFrontend({ kind }: PlanEntry): boolean {
  return kind === 'ServiceFrontend';
}

function haveSameKeys(a: readonly PlanEntry[], b: readonly PlanEntry[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i]?.key !== b[i]?.key) return false;
  return true;
}

/** The source ports of a binding or reservation; null without. */
function sourcePortOf(entry: PlanEntry): PodSourcePort | null {
  if (entry.kind !== 'PodReservation' && !(entry.kind === 'PodBinding' && entry.egress)) return null;
  const { tuple: dialled, endpoint, portCount, owner, createdAt, uid, order } = entry;
  const tuple: Tuple = { ...endpoint, protocol: dialled.protocol };
  const snat = { address: dialled.address, port: dialled.port };
  const key = podSourcePortKey(tuple, portCount);
  return { kind: 'PodSourcePort', key, tuple, portCount, snat, owner, createdAt, uid, order };
}
