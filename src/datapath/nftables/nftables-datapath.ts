import { release } from 'node:os';
import { type Difference, difference } from '../../delta/delta.ts';
import { deepEqual } from '../../model/equal.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import { isEgressSourceKey, isScopeKey } from '../../plan/entry-key.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { Busy, type Failure, Rejected } from '../../wire/errors.ts';
import type { Batch } from '../../wire/nftables/batch.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import {
  type Capabilities,
  type ConvergeOptions,
  type Datapath,
  type Observed,
  type Preview,
  type Report,
  together,
  type Unread,
} from '../datapath.ts';
import { Backlog } from './backlog.ts';
import { batchOf, freshBatch } from './batches.ts';
import { changedSources } from './changed-sources.ts';
import { Comparison, elementChanges, ruleSettingsOf, type WholeChange } from './comparison.ts';
import { elementComparison, type PlacedElement } from './element.ts';
import { FoundElements } from './found-elements.ts';
import { GONE_TABLE } from './gone-table.ts';
import { ATTEMPTS, type FamilyChanges, KernelTables, SWAP_TABLE, workOn } from './kernel-tables.ts';
import { type RenderedPiece, rendered } from './pieces.ts';
import { previewOf } from './preview.ts';
import { areRefusedAnew, Refusals } from './refusals.ts';
import { nftFamily } from './ruleset/text.ts';
import { type Sifted, sift } from './sift.ts';
import { type RuleSettings, type SkeletonVariant, TABLE } from './skeleton.ts';
import { type Held, Transactions } from './transaction.ts';
import { goneKeys } from './unclaimed.ts';
import { watchTables } from './watch.ts';

/** What a comparison of everything wrote; `changes`: null where tables were replaced. */
interface Written extends Pick<Report, 'elementsAdded' | 'elementsDeleted'> {
  readonly changes: Difference<PlacedElement> | null;
}

const nothing = new FoundElements();
const noKeys: ReadonlySet<string> = new Set();
const noneRefused: ReadonlyMap<RenderedPiece, Failure> = new Map();

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
  /** Trusted while `#synchronised`; null until the kernel has been read. */
  #held: Held | null = null;
  #synchronised = false;
  #revision = 0;
  readonly #backlog = new Backlog();
  readonly #refusals = new Refusals();
  readonly #transactions = new Transactions();
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
    return new NftablesDatapath(new NftablesConnection());
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
    if (this.#synchronised && same && this.#held !== null) {
      const changed = plan.changedSince(this.#revision);
      if (changed !== null && !this.#concernsUnread(changed)) {
        try {
          const report = this.#applyChanges(plan, changed, this.#held);
          if (this.#backlog.isEmpty) return report; // most changes are one transaction
          return await this.#applyRest(plan, report, options.stepwise === true, signal);
        } catch (error) {
          this.#synchronised = false;
          if (!(error instanceof Rejected || error instanceof Busy)) throw error;
        }
      }
    }
    return await this.#synchroniseStepwise(plan, options.stepwise === true, signal);
  }

  async preview(plan: NatPlan, signal: AbortSignal): Promise<Preview> {
    return await previewOf(plan, signal, this.#connection, this.#tables, () => this.#comparison(plan));
  }

  async inspect(signal: AbortSignal): Promise<Observed> {
    signal.throwIfAborted();
    const found = this.#tables.read();
    const variants = this.#held === null ? this.#tables.variants(found) : [this.#held.variant];
    const states = variants.map((variant) => this.#tables.state(variant));
    const elements = new Map<string, number>();
    for (const [{ family, name }, count] of found.counts()) {
      elements.set(`${nftFamily[family]} ${TABLE} ${name}`, count);
    }
    return {
      present: states.every(({ kind }) => kind !== 'absent'),
      elements,
      skeletonIntact: states.some((state) => workOn(state) === 'kept'),
    };
  }

  async remove(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    this.#synchronised = false;
    this.#held = null;
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

  /** Writes what the steps before have left, unless one step was wanted. */
  async #applyRest(plan: NatPlan, before: Report, once: boolean, signal: AbortSignal): Promise<Report> {
    let report = before;
    while (!this.#backlog.isEmpty) {
      if (once) return { ...report, isPartial: true };
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      if (!this.#synchronised) return await this.#synchroniseStepwise(plan, once, signal);
      if (this.#held === null) throw new TypeError('nothing was programmed yet');
      report = together(report, this.#applyChanges(plan, noKeys, this.#held));
    }
    return report;
  }

  /** Compares everything with the kernel, and writes what is left for later, in one step or in all that it takes. */
  async #synchroniseStepwise(plan: NatPlan, once: boolean, signal: AbortSignal): Promise<Report> {
    return await this.#applyRest(plan, await this.#synchronise(plan, signal), once, signal);
  }

  /** Writes the entries of these keys, as many of them as one transaction should hold. */
  #applyChanges(plan: NatPlan, changed: ReadonlySet<string>, held: Held): Report {
    const pieces = this.#backlog.next(plan, changed, held.programmed).map(rendered);
    // While objects are unread, sets may have more than the plan, and scopes are compared as a whole.
    const settings = this.#unread === null ? ruleSettingsOf(plan) : held.variant;
    let transaction = this.#transactions.of(pieces, held, settings);
    let refused = noneRefused;
    try {
      this.#connection.commit(transaction.batch);
    } catch (error) {
      const sifted = this.#sift(pieces, held, settings, error);
      refused = sifted.refused;
      transaction = this.#transactions.of(sifted.accepted, held, settings);
      this.#connection.commit(transaction.batch);
    }
    this.#refusals.forget(changed);
    for (const [{ staged }, failure] of refused) {
      // What was there before stays.
      for (const { now } of staged) if (now !== null) this.#refusals.add(now.entry, failure);
    }
    this.#held = transaction.done();
    this.#revision = plan.revision;
    return this.#report(transaction.keepsChains ? 'kept' : 'changed', 'changes', transaction);
  }

  /**
   * Which pieces the kernel refuses. Throws the error if it is no refusal, or of none of them, or of one that new tables
   * could have.
   */
  #sift(
    pieces: readonly RenderedPiece[],
    held: Held,
    settings: RuleSettings,
    error: unknown,
  ): Sifted<RenderedPiece> {
    if (!(error instanceof Rejected)) throw error;
    const sifted = sift(pieces, (some) =>
      this.#connection.check(this.#transactions.of(some, held, settings).batch),
    );
    const areToBlame = [...sifted.refused.keys()].every(({ staged }) => {
      const entries = staged.flatMap(({ now }) => now?.entry ?? []);
      return areRefusedAnew(entries, this.#connection, this.#tables, held.variant);
    });
    if (sifted.refused.size === 0 || !areToBlame) throw error;
    return sifted;
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
        if (error instanceof Rejected && attempt > 1) {
          this.#refusals.find(this.#connection, this.#tables, this.#comparison(plan));
        }
      }
    }
  }

  /** Reads everything and writes the difference, provided that nobody else wrote in between. */
  #synchroniseOnce(plan: NatPlan, mendable: boolean): Report {
    const generation = this.#connection.generation().id;
    const { revision } = plan;
    const { own, found } = this.#tables.readWithAside();
    this.#refusals.keepOnly((key) => plan.entry(key));
    const comparison = this.#comparison(plan);
    const later = comparison.keysForLater(found);
    const { needs, variant } = comparison.chains(found, later);
    const state = this.#tables.state(variant);
    const skeleton = state.kind === 'ours' && !state.isIntact && !mendable ? 'swapped' : workOn(state);
    const stands = state.kind === 'ours' && skeleton !== 'swapped';
    const [actual, before] = stands ? [own, nothing] : [nothing, found];
    const whole = comparison.changes(actual, before, later);
    this.#generation = generation;
    const { elementsAdded, elementsDeleted, changes } = stands
      ? this.#writeChanges(whole, state.isIntact ? null : state.changes)
      : this.#writeTables(whole, skeleton, variant);
    if (this.#tables.remove([TABLE, GONE_TABLE], { generation: this.#generation }).length > 0)
      this.#generation++;
    this.#held = { programmed: whole.programmed, shared: whole.shared, needs, variant };
    this.#backlog.reset(later);
    this.#extended = whole.extended;
    this.#revision = revision;
    const report = this.#report(skeleton, 'everything', { elementsAdded, elementsDeleted });
    if (this.#unread !== null) return report;
    const gone = goneKeys(plan, before, changes?.remove ?? []);
    if (skeleton === 'loaded') return { ...report, gone };
    const changed = changes ?? difference(elementChanges(whole).add, before, elementComparison);
    return { ...report, gone, changedSources: changedSources(changed, found) };
  }

  /** Into the tables that stand. */
  #writeChanges(whole: WholeChange, chains: FamilyChanges | null): Written {
    const changes = elementChanges(whole);
    this.#commit(batchOf(changes, TABLE, chains));
    return { elementsAdded: changes.add.length, elementsDeleted: changes.remove.length, changes };
  }

  /** Tables in the place of those that stand, if any: what they had is gone. */
  #writeTables(whole: WholeChange, skeleton: Report['skeleton'], variant: SkeletonVariant): Written {
    let elementsAdded = 0;
    for (const table of skeleton === 'swapped' ? [SWAP_TABLE, TABLE] : [TABLE]) {
      const { batch, added } = freshBatch(this.#tables, table, variant, whole);
      this.#commit(batch);
      elementsAdded = added;
    }
    return { elementsAdded, elementsDeleted: 0, changes: null };
  }

  #comparison(plan: NatPlan): Comparison {
    const isRefused = this.#refusals.isEmpty ? null : (entry: PlanEntry) => this.#refusals.has(entry);
    return new Comparison(plan, this.#unread, isRefused, () => this.#tables.egress());
  }

  /** A transaction about another table of ours: without this, the next change would take it for somebody else's. */
  commitAside(batch: Batch): void {
    if (this.#connection.generation().id === this.#generation) {
      try {
        this.#connection.commit(batch, { generation: this.#generation });
        // A transaction that changes nothing, such as elements that are there already, makes no generation.
        this.#generation = Math.min(this.#generation + 1, this.#connection.generation().id);
        return;
      } catch (error) {
        if (!(error instanceof Busy)) throw error; // ERESTART: somebody else was faster, which must not count as ours
      }
    }
    this.#connection.commit(batch);
  }

  /** The batch as one transaction, of which the ruleset has the generation that we know. */
  #commit(batch: Batch): void {
    if (batch.isEmpty) return;
    this.#connection.commit(batch, { generation: this.#generation });
    this.#generation++;
  }

  /** What stands for unread objects is mixed with what these entries have: both are looked at as a whole. */
  #concernsUnread(changed: ReadonlySet<string>): boolean {
    if (this.#unread === null) return false;
    return [...changed].some((key) => isScopeKey(key) || isEgressSourceKey(key) || this.#extended.has(key));
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

  #report(
    skeleton: Report['skeleton'],
    compared: Report['compared'],
    { elementsAdded, elementsDeleted }: Pick<Report, 'elementsAdded' | 'elementsDeleted'>,
  ): Report {
    return {
      revision: this.#revision,
      skeleton,
      elementsAdded,
      elementsDeleted,
      compared,
      refused: this.#refusals.list(),
      gone: null,
      changedSources: null,
    };
  }
}
