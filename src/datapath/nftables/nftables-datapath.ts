import { release } from 'node:os';
import { type Difference, difference } from '../../delta/delta.ts';
import { deepEqual } from '../../model/equal.ts';
import { FAMILIES } from '../../net/family.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import { isEgressSourceKey, isScopeKey } from '../../plan/entry-key.ts';
import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { Busy, type Failure, Rejected } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import {
  type Capabilities,
  type ConvergeOptions,
  type Datapath,
  isUnread,
  type Observed,
  type Preview,
  type Report,
  together,
  type Unread,
} from '../datapath.ts';
import { batchOf, ELEMENT_BYTES, FRESH_BYTES, fillBatch } from './batches.ts';
import { changedSources } from './changed-sources.ts';
import { EGRESS_CHAINS_FROM, type EgressChains, egressChainsKey, plainEgress } from './egress.ts';
import { elementComparison, type PlacedElement } from './element.ts';
import { constantElements, elementsOf } from './entry-elements.ts';
import { describeChanges, ownerOf } from './format.ts';
import { FoundEndpoints } from './found-endpoints.ts';
import { changesBetween, KernelTables, type SkeletonState, SWAP_TABLE } from './kernel-tables.ts';
import { keysForLater, nextTransaction, piecesOf, type RenderedPiece, rendered } from './pieces.ts';
import { nftFamily } from './ruleset/text.ts';
import { isShared, SharedElements } from './shared-elements.ts';
import { sift } from './sift.ts';
import { type SkeletonVariant, TABLE } from './skeleton.ts';
import { type Programmed, program, SlotReader } from './slots.ts';
import { TimeoutCount } from './timeout-count.ts';
import { entryOf, goneKeys } from './unclaimed.ts';
import { unclaimedElements, whileUnread } from './unread.ts';
import { watchTables } from './watch.ts';

/** How often a reading is begun anew when somebody else changes the ruleset meanwhile. */
const ATTEMPTS = 10;

const noKeys: ReadonlySet<string> = new Set();

/**
 * The plan in nftables: one table per family, a fixed skeleton of chains, elements of maps and sets.
 *
 * Guarantees:
 * 1. `converge` with a plan that the kernel holds writes nothing, also in a new process.
 * 2. A change of the plan costs the elements of the entries that changed: one transaction, both families. What is large
 *    comes after everything else, in transactions of its own, at the first load and at a start too.
 * 3. After any error, and after a foreign change, the next `converge` reads everything back and mends the difference.
 * 4. What the kernel refuses of one entry keeps no other from being programmed; it is reported with its owner.
 * 5. Chains that are not as they should be (other settings, a foreign edit) are written anew in the table that stands;
 *    a table with other sets or hooks (an upgrade) is replaced while a second copy does the work.
 */
export class NftablesDatapath implements Datapath {
  readonly #connection: NftablesConnection;
  readonly #tables: KernelTables;
  /** What the kernel holds, by the entries' keys; trusted while `#synchronised`. */
  #programmed = new Map<string, Programmed>();
  #synchronised = false;
  #revision = 0;
  /** Keys of changes that the last transaction had no room for. */
  #backlog: ReadonlySet<string> = new Set();
  #shared = SharedElements.of([]);
  /** What the table's chains are made for; null until it has been read. */
  #variant: SkeletonVariant | null = null;
  #timeouts = TimeoutCount.of([]);
  /** Entries that the kernel did not take, by their keys; tried again when they change. */
  readonly #refused = new Map<string, { readonly entry: PlanEntry; readonly errno: string }>();
  #plan: NatPlan | null = null;
  /** What could not be read since the start; null: nothing. */
  #unread: Unread | null = null;
  /** Keys of frontends that have more endpoints in the kernel than in the plan, of unread objects. */
  #extended: ReadonlySet<string> = new Set();
  /** The ruleset's generation that was last read as a whole: older changes are known. */
  #generation = 0;
  #onDrift: ((what: string) => void) | null = null;
  #stopListening: (() => void) | null = null;

  /** Opens the control connection in the network namespace of the process. Throws Denied or Unsupported. */
  static open(): NftablesDatapath {
    return new NftablesDatapath(NftablesConnection.open());
  }

  private constructor(connection: NftablesConnection) {
    this.#connection = connection;
    this.#tables = new KernelTables(connection);
  }

  /** Of the connection that writes elements, for those who want to hear of others alone. */
  get portId(): number {
    return this.#connection.portId;
  }

  async probe(signal: AbortSignal): Promise<Capabilities> {
    this.#connection.tables('ip');
    signal.throwIfAborted();
    this.#tables.check();
    return { kernel: release() };
  }

  async converge(plan: NatPlan, signal: AbortSignal, options: ConvergeOptions = {}): Promise<Report> {
    const { unread = null } = options;
    const same = this.#plan === plan && deepEqual(this.#unread, unread);
    this.#unread = unread;
    if (this.#synchronised && same && this.#variant !== null) {
      const changed = plan.changedSince(this.#revision);
      if (changed !== null && !this.#concernsUnread(changed)) {
        try {
          return await this.#applyStepwise(plan, changed, options.stepwise === true, signal);
        } catch (error) {
          this.#synchronised = false;
          if (!(error instanceof Rejected || error instanceof Busy)) throw error;
        }
      }
    }
    return await this.#synchroniseStepwise(plan, options.stepwise === true, signal);
  }

  async preview(plan: NatPlan, signal: AbortSignal): Promise<Preview> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const preview = await this.#previewOnce(plan, attempt === ATTEMPTS);
        if (preview !== null) return preview;
      } catch (error) {
        if (!(error instanceof Busy || error instanceof Rejected) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Null when the plan or the ruleset changed while others were given way; `atOnce` gives way to nobody. */
  async #previewOnce(plan: NatPlan, atOnce: boolean): Promise<Preview | null> {
    const { revision } = plan;
    const generation = this.#connection.generation().id;
    const found = await this.#readGivingWay(atOnce);
    const state = this.#tables.state(this.#variantOf(plan, this.#kept(plan, found)));
    // What belongs to every skeleton comes with it.
    const fresh = FAMILIES.flatMap((family) => [...constantElements(family)]);
    const actual = state.kind === 'ours' ? found : fresh;
    const isSteady = plan.revision === revision && this.#connection.generation().id === generation;
    if (!isSteady && !atOnce) return null;
    const { difference: changes } = this.#compare(plan, actual);
    return { skeleton: workOn(state), changes: describeChanges(changes, plan) };
  }

  /** All elements of our tables; `atOnce`, or letting others work between two sets. */
  async #readGivingWay(atOnce: boolean): Promise<readonly PlacedElement[]> {
    if (atOnce) return this.#tables.read();
    const all: PlacedElement[] = [];
    for (const some of this.#tables.readStepwise()) {
      for (const placed of some) all.push(placed);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return all;
  }

  async inspect(signal: AbortSignal): Promise<Observed> {
    signal.throwIfAborted();
    const variant = this.#variant ?? { timeouts: this.#tables.timeouts(), egress: plainEgress };
    const state = this.#tables.state(variant);
    const elements = new Map<string, number>();
    for (const { family, set } of this.#tables.read()) {
      const name = `${nftFamily[family]} ${TABLE} ${set}`;
      elements.set(name, (elements.get(name) ?? 0) + 1);
    }
    return { present: state.kind !== 'absent', elements, skeletonIntact: workOn(state) === 'kept' };
  }

  async remove(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    this.#synchronised = false;
    this.#programmed = new Map();
    return this.#tables.remove();
  }

  /**
   * Listening begins with the first converge: while somebody listens, the kernel tells of every element of a batch,
   * which would make the first, large one slower by half.
   */
  watch(onDrift: (what: string) => void): () => void {
    this.#onDrift = onDrift;
    if (this.#synchronised) this.#listen();
    return () => {
      this.#onDrift = null;
      this.#stopListening?.();
      this.#stopListening = null;
    };
  }

  /** Closes the control connection; what is in the kernel stays. */
  close(): void {
    this.#connection.close();
  }

  /** Writes the entries of these keys and those that are left from before, in one step or in all that it takes. */
  async #applyStepwise(
    plan: NatPlan,
    changed: ReadonlySet<string>,
    once: boolean,
    signal: AbortSignal,
  ): Promise<Report> {
    let keys = this.#backlog.size === 0 ? changed : new Set([...changed, ...this.#backlog]);
    let report: Report | null = null;
    for (;;) {
      if (this.#variant === null) throw new TypeError('nothing was programmed yet');
      report = together(report, this.#applyChanges(plan, keys, this.#variant));
      if (this.#backlog.size === 0) return report;
      if (once) return { ...report, isPartial: true };
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      if (!this.#synchronised) return await this.#synchroniseStepwise(plan, once, signal);
      keys = this.#backlog;
    }
  }

  /** Compares everything with the kernel, and writes what is left for later, in one step or in all that it takes. */
  async #synchroniseStepwise(plan: NatPlan, once: boolean, signal: AbortSignal): Promise<Report> {
    const report = await this.#synchronise(plan, signal);
    if (this.#backlog.size === 0) return report;
    if (once) return { ...report, isPartial: true };
    return together(report, await this.#applyStepwise(plan, new Set(), once, signal));
  }

  /** Writes the entries of these keys, and the chains that they need or that nobody needs any more. */
  #applyChanges(plan: NatPlan, changed: ReadonlySet<string>, from: SkeletonVariant): Report {
    const { now, later } = nextTransaction(piecesOf(plan, changed, this.#programmed), this.#backlog);
    const pieces = now.map(rendered);
    const egress = egressChainsOf(plan);
    let work = this.#workFor(pieces, from, egress);
    let refused: ReadonlyMap<RenderedPiece, Failure> = new Map();
    try {
      this.#connection.commit(work.batch);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      const sifted = sift(pieces, (some) => this.#connection.check(this.#workFor(some, from, egress).batch));
      if (sifted.refused.size === 0) throw error;
      refused = sifted.refused;
      work = this.#workFor(sifted.accepted, from, egress);
      this.#connection.commit(work.batch);
    }
    for (const key of changed) this.#refused.delete(key);
    for (const [{ staged }, failure] of refused) {
      for (const [, now] of staged) if (now !== null) this.#refuse(now.entry, failure); // what was there before stays
    }
    for (const [key, now] of work.staged) {
      if (now === null) this.#programmed.delete(key);
      else this.#programmed.set(key, now);
    }
    this.#shared = work.shared;
    this.#timeouts = work.timeouts;
    this.#variant = work.variant;
    this.#revision = plan.revision;
    this.#backlog = new Set(later.flatMap(({ changes }) => changes.map(({ key }) => key)));
    return this.#report(work.isSame ? 'kept' : 'changed', 'changes', work.changes);
  }

  #workFor(pieces: readonly RenderedPiece[], from: SkeletonVariant, egress: EgressChains) {
    const staged = pieces.flatMap((piece) => piece.staged);
    const before = pieces.flatMap((piece) => piece.before);
    const after = pieces.flatMap((piece) => piece.after);
    const own = difference(
      after.filter((placed) => !isShared(placed)),
      before.filter((placed) => !isShared(placed)),
      elementComparison,
    );
    const shared = this.#shared.after(before.filter(isShared), after.filter(isShared));
    const changes = {
      add: [...own.add, ...shared.changes.add],
      remove: [...own.remove, ...shared.changes.remove],
    };
    const timeouts = this.#timeouts.after(
      staged.map(([key, now]) => [this.#programmed.get(key)?.entry, now?.entry]),
    );
    const variant = { timeouts: timeouts.used(), egress };
    const isSame = variantKey(variant) === variantKey(from);
    const batch = batchOf(changes, TABLE, isSame ? null : changesBetween(from, variant));
    return { batch, staged, changes, shared: shared.now, timeouts, variant, isSame };
  }

  #refuse(entry: PlanEntry, { errno }: Failure): void {
    this.#refused.set(entry.key, { entry, errno });
  }

  async #synchronise(plan: NatPlan, signal: AbortSignal): Promise<Report> {
    let mendable = true;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const report = this.#synchroniseOnce(plan, mendable);
        this.#plan = plan;
        this.#synchronised = true;
        this.#listen();
        return report;
      } catch (error) {
        // ERESTART, EINTR: somebody changed the ruleset while we read it. ENOENT: our table went meanwhile.
        if (!(error instanceof Busy || error instanceof Rejected) || attempt === ATTEMPTS) throw error;
        // EBUSY: something foreign refers to a chain that should go.
        if (error instanceof Rejected) mendable = false;
        if (error instanceof Rejected && attempt > 1) this.#refuseSome(plan);
      }
    }
  }

  /** Reads everything and writes the difference, provided that nobody else wrote in between. */
  #synchroniseOnce(plan: NatPlan, mendable: boolean): Report {
    const generation = this.#connection.generation().id;
    const { revision } = plan;
    const found = this.#elementsFound();
    const kept = this.#kept(plan, found);
    const later = this.#keysForLater(plan, found);
    const variant = this.#variantOf(plan, kept, later);
    const state = this.#tables.state(variant);
    const skeleton = state.kind === 'ours' && !state.isIntact && !mendable ? 'swapped' : workOn(state);
    const stands = state.kind === 'ours' && skeleton !== 'swapped';
    const [actual, before] = stands ? [this.#tables.read(), []] : [[], found];
    for (const [key, { entry }] of this.#refused) if (plan.entry(key) !== entry) this.#refused.delete(key);
    const { difference: changes, programmed, extended } = this.#compare(plan, actual, before, later);
    this.#generation = generation;
    if (stands) {
      this.#commit(batchOf(changes, TABLE, state.isIntact ? null : state.changes));
    } else {
      if (skeleton === 'swapped') this.#commit(this.#freshBatch(SWAP_TABLE, variant, changes));
      this.#commit(this.#freshBatch(TABLE, variant, changes));
    }
    if (this.#tables.remove([TABLE], { generation: this.#generation }).length > 0) this.#generation++;
    this.#programmed = programmed;
    this.#shared = SharedElements.of(sharedOf(programmed.values()));
    this.#backlog = later;
    this.#extended = extended;
    this.#timeouts = TimeoutCount.of(this.#wanted(plan, later), kept);
    this.#variant = variant;
    this.#revision = revision;
    const report = this.#report(skeleton, 'everything', changes);
    if (this.#unread !== null) return report;
    const gone = goneKeys(plan, before, changes.remove);
    if (skeleton === 'loaded') return { ...report, gone };
    const changed = stands ? changes : difference(changes.add, before, elementComparison);
    return { ...report, gone, changedSources: changedSources(changed, found) };
  }

  /** Finds the entries that the kernel does not take, each in a table that is never made. */
  #refuseSome(plan: NatPlan): void {
    const variant = this.#variantOf(plan, this.#kept(plan, this.#elementsFound()));
    const entries = this.#wanted(plan);
    const { refused } = sift(entries, (some) => {
      const elements = [...desiredElements(some.map((entry) => program(entry, undefined)))];
      const batch = new Batch(FRESH_BYTES + ELEMENT_BYTES * elements.length);
      this.#tables.load(batch, SWAP_TABLE, variant);
      fillBatch(batch, { add: elements, remove: [] }, SWAP_TABLE);
      this.#connection.check(batch);
    });
    for (const [entry, failure] of refused) this.#refuse(entry, failure);
  }

  /** What is so large that all else is to be in force before, and of which the kernel has nothing yet. */
  #keysForLater(plan: NatPlan, found: readonly PlacedElement[]): ReadonlySet<string> {
    if (this.#unread !== null) return noKeys;
    const entries = this.#wanted(plan);
    const some = keysForLater(plan, entries, () => false);
    if (some.size === 0 || found.length === 0) return some;
    const there = new Set(
      found.flatMap((placed) => (isShared(placed) ? [] : (entryOf(placed, plan)?.key ?? []))),
    );
    return keysForLater(plan, entries, (key) => there.has(key));
  }

  /** All entries but those that the kernel refuses, and those that come later. */
  #wanted(plan: NatPlan, later: ReadonlySet<string> = noKeys): PlanEntry[] {
    return [...plan.entries()].filter(
      (entry) => this.#refused.get(entry.key)?.entry !== entry && !later.has(entry.key),
    );
  }

  /** The batch as one transaction, of which the ruleset has the generation that we know. */
  #commit(batch: Batch): void {
    if (batch.isEmpty) return;
    this.#connection.commit(batch, { generation: this.#generation });
    this.#generation++;
  }

  /** A whole new table with its elements, in the place of one of this name. Session affinity goes along. */
  #freshBatch(table: string, variant: SkeletonVariant, changes: Difference<PlacedElement>): Batch {
    const batch = new Batch(FRESH_BYTES + ELEMENT_BYTES * changes.add.length);
    this.#tables.load(batch, table, variant);
    fillBatch(batch, changes, table);
    for (const [family, elements] of this.#tables.affinityClients()) {
      batch.addElements(nftFamily[family], table, 'affinity_clients', elements);
    }
    return batch;
  }

  /**
   * What stands in our tables. An agent that was killed while it replaced one may have left the elements in the other,
   * which goes away.
   */
  #elementsFound(): readonly PlacedElement[] {
    const found = this.#tables.read();
    const aside = this.#tables.read(SWAP_TABLE);
    if (aside.length === 0) return found;
    const all = [...aside, ...found].map((placed) => [elementComparison.identity(placed), placed] as const);
    return [...new Map(all).values()];
  }

  /** Those that stay although the plan has no entry for them. */
  #kept(plan: NatPlan, found: readonly PlacedElement[]): readonly PlacedElement[] {
    return this.#unread === null ? [] : unclaimedElements(plan, found, this.#unread);
  }

  /** What stands for unread objects is mixed with what these entries have: both are looked at as a whole. */
  #concernsUnread(changed: ReadonlySet<string>): boolean {
    if (this.#unread === null) return false;
    const isOfAll = (key: string) => isScopeKey(key) || isEgressSourceKey(key);
    return [...changed].some((key) => isOfAll(key) || this.#extended.has(key));
  }

  /** What the chains are to be made for. What FelixConfiguration says stays while it cannot be read. */
  #variantOf(
    plan: NatPlan,
    kept: readonly PlacedElement[],
    later: ReadonlySet<string> = noKeys,
  ): SkeletonVariant {
    const timeouts = TimeoutCount.of(this.#wanted(plan, later), kept).used();
    const egress = egressChainsOf(plan);
    if (this.#unread === null || !isUnread(this.#unread, EGRESS_CHAINS_FROM)) return { timeouts, egress };
    const standing = this.#tables.egress();
    return {
      timeouts,
      egress: { interfaceFilter: egress.interfaceFilter ?? standing.interfaceFilter },
    };
  }

  /** Begins to listen; what happened since the last reading counts as drift. */
  #listen(): void {
    if (this.#onDrift === null || this.#stopListening !== null) return;
    const drifted = (what: string) => {
      this.#synchronised = false;
      this.#onDrift?.(what);
    };
    this.#stopListening = watchTables(this.#connection.portId, ({ what, generation }) => {
      if (generation > this.#generation) drifted(what); // else read since
    });
    if (this.#connection.generation().id > this.#generation) drifted('something changed before we listened');
  }

  #compare(
    plan: NatPlan,
    actual: readonly PlacedElement[],
    before: readonly PlacedElement[] = [],
    later: ReadonlySet<string> = noKeys,
  ) {
    const slots = new SlotReader(actual);
    const programmed = new Map<string, Programmed>();
    const extended = new Set<string>();
    const found = this.#unread === null ? [] : [...actual, ...before];
    const standing = this.#unread === null ? null : new FoundEndpoints(found, this.#unread);
    for (const planned of this.#wanted(plan, later)) {
      const entry = standing?.in(planned) ?? planned;
      if (entry !== planned) extended.add(entry.key);
      programmed.set(entry.key, program(entry, slots.of(entry)));
    }
    const desired = desiredElements(programmed.values());
    if (this.#unread !== null) {
      const wanted = whileUnread(desired, found, plan, this.#unread);
      return { difference: difference(wanted, actual, elementComparison), programmed, extended };
    }
    // Into an empty table everything is written: nothing to compare, and no names to make for it.
    const changes =
      actual.length === 0
        ? { add: [...desired], remove: [] }
        : difference(desired, actual, elementComparison);
    return { difference: changes, programmed, extended };
  }

  #report(
    skeleton: Report['skeleton'],
    compared: Report['compared'],
    { add, remove }: Difference<PlacedElement>,
  ): Report {
    const revision = this.#revision;
    const refused = [...this.#refused].map(([key, { entry, errno }]) => ({
      key,
      owner: ownerOf(entry),
      errno,
    }));
    const counts = { elementsAdded: add.length, elementsDeleted: remove.length };
    return { revision, skeleton, ...counts, compared, gone: null, changedSources: null, refused };
  }
}

function variantKey({ timeouts, egress }: SkeletonVariant): string {
  return `${timeouts.join()} ${egressChainsKey(egress)}`;
}

/** What is to be done to the tables. */
function workOn(state: SkeletonState): Report['skeleton'] {
  if (state.kind === 'absent') return 'loaded';
  if (state.kind === 'other') return 'swapped';
  return state.isIntact ? 'kept' : 'changed';
}

/** The settings are the same in both families. */
function egressChainsOf(plan: NatPlan): EgressChains {
  return scopeOf(plan, 'IPv4').egress;
}

function* desiredElements(programmed: Iterable<Programmed>): Generator<PlacedElement> {
  for (const family of FAMILIES) yield* constantElements(family);
  const shared = new Set<string>();
  for (const each of programmed) {
    for (const placed of elementsOf(each)) {
      if (isShared(placed)) {
        const name = elementComparison.identity(placed);
        if (shared.has(name)) continue;
        shared.add(name);
      }
      yield placed;
    }
  }
}

function* sharedOf(programmed: Iterable<Programmed>): Generator<PlacedElement> {
  for (const each of programmed) for (const placed of elementsOf(each)) if (isShared(placed)) yield placed;
}
