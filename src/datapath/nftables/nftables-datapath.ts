import { release } from 'node:os';
import { type Difference, difference } from '../../delta/delta.ts';
import { FAMILIES, type Family } from '../../net/family.ts';

import { type NatPlan, scopeOf } from '../../plan/nat-plan.ts';
import { Busy, Rejected } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import type { Capabilities, ConvergeOptions, Datapath, Observed, Preview, Report } from '../datapath.ts';
import { timeoutsOf } from './affinity.ts';
import { describeChanges } from './changes.ts';
import { type EgressChains, egressChainsKey, plainEgress } from './egress.ts';
import {
  changedElements,
  constantElements,
  elementsOf,
  type PlacedElement,
  type Programmed,
  program,
} from './element.ts';
import { elementComparison } from './identity.ts';
import { KernelTables, type SkeletonVariant, SWAP_TABLE } from './kernel-tables.ts';
import { runNft } from './nft-program.ts';
import { toKernel } from './range-elements.ts';
import { SET_NAMES, type SetName } from './sets.ts';
import { nftFamily, TABLE } from './skeleton.ts';
import { SlotReader } from './slot-reader.ts';
import { claimedSources, goneKeys, isClaimed, withPoolRanges } from './unclaimed.ts';
import { watchTables } from './watch.ts';

/** How often a reading is begun anew when somebody else changes the ruleset meanwhile. */
const ATTEMPTS = 10;

/** What goes along from a table that is replaced, beside what the plan says. */
interface Carried {
  /** Its elements: those that nobody claims may have to be kept, and else they tell what is gone. */
  readonly before: readonly PlacedElement[];
  readonly clients: ReadonlyMap<Family, readonly SetElement[]>;
}

const nothingCarried: Carried = { before: [], clients: new Map() };

/**
 * The plan in nftables: one table per family, a fixed skeleton of chains, elements of maps and sets.
 *
 * Guarantees:
 * 1. `converge` with a plan that the kernel holds writes nothing, also in a new process.
 * 2. A change of the plan costs the elements of the entries that changed: one transaction, both families.
 * 3. After any error, and after a foreign change, the next `converge` reads everything back and mends the difference.
 * 4. A skeleton that is not ours of now (an upgrade, a foreign edit) is replaced while a second copy does the work.
 */
export class NftablesDatapath implements Datapath {
  readonly #connection: NftablesConnection;
  readonly #tables: KernelTables;
  /** What the kernel holds, by the entries' keys; trusted while `#synchronised`. */
  #programmed = new Map<string, Programmed>();
  #synchronised = false;
  #revision = 0;
  /** Those of session affinity that the skeleton has chains for, in seconds. */
  #timeouts: ReadonlySet<number> = new Set();
  /** What the skeleton's chains of egress NAT are made for. */
  #egress: EgressChains = plainEgress;
  #plan: NatPlan | null = null;
  #keepUnclaimed = false;
  /** The ruleset's generation that was last read as a whole: older changes are known. */
  #generation = 0;
  /** Between our own nft process and our reading of what it made, somebody else changed the ruleset. */
  #disturbed = false;
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
    const version = await runNft(['--version'], '', signal);
    await this.#tables.check(signal);
    return { kernel: release(), nft: /v(\S+)/.exec(version)?.[1] ?? version.trim() };
  }

  async converge(plan: NatPlan, signal: AbortSignal, options: ConvergeOptions = {}): Promise<Report> {
    const { keepUnclaimed = false } = options;
    const same = this.#plan === plan && this.#keepUnclaimed === keepUnclaimed;
    this.#keepUnclaimed = keepUnclaimed;
    if (this.#synchronised && same) {
      const changed = plan.changedSince(this.#revision);
      if (changed !== null) {
        try {
          const report = this.#applyChanges(plan, changed);
          if (report !== null) return report;
        } catch (error) {
          this.#synchronised = false;
          if (!(error instanceof Rejected || error instanceof Busy)) throw error;
        }
      }
    }
    return await this.#synchronise(plan, signal);
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
    const { state, compared } = this.#tables.stateSeen(egressChainsOf(plan));
    // What belongs to every skeleton comes with it.
    const fresh = FAMILIES.flatMap((family) => [...constantElements(family)]);
    const actual = state === 'intact' ? await this.#readGivingWay(atOnce) : fresh;
    const isSteady = plan.revision === revision && this.#connection.generation().id === generation;
    if (!isSteady && !atOnce) return null;
    const { difference: changes } = this.#compare(plan, actual);
    const skeleton = state === 'intact' ? 'kept' : state === 'absent' ? 'loaded' : 'swapped';
    return { skeleton, rulesCompared: compared, changes: describeChanges(changes, plan) };
  }

  /** All elements of our tables; `atOnce`, or letting others work between two sets. */
  async #readGivingWay(atOnce: boolean): Promise<readonly PlacedElement[]> {
    if (atOnce) return this.#tables.read() ?? [];
    const all: PlacedElement[] = [];
    for (const some of this.#tables.readStepwise()) {
      for (const placed of some ?? []) all.push(placed);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return all;
  }

  async inspect(signal: AbortSignal): Promise<Observed> {
    const egress = this.#plan === null ? plainEgress : egressChainsOf(this.#plan);
    const state = await this.#tables.state(egress, signal);
    const elements = new Map<string, number>();
    for (const { family, set } of this.#tables.read() ?? []) {
      const name = `${nftFamily[family]} ${TABLE} ${set}`;
      elements.set(name, (elements.get(name) ?? 0) + 1);
    }
    return { present: state !== 'absent', elements, skeletonIntact: state === 'intact' };
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

  /** Writes the entries of these keys; null, and nothing written, when the skeleton lacks a chain that they need. */
  #applyChanges(plan: NatPlan, changed: ReadonlySet<string>): Report | null {
    if (egressChainsKey(egressChainsOf(plan)) !== egressChainsKey(this.#egress)) return null;
    const staged: [string, Programmed | null][] = [];
    const before: PlacedElement[] = [];
    const after: PlacedElement[] = [];
    for (const key of changed) {
      const old = this.#programmed.get(key);
      const entry = plan.entry(key);
      if (entry === old?.entry) continue;
      const now = entry === undefined ? null : program(entry, old);
      if (!timeoutsOf(entry === undefined ? [] : [entry]).every((timeout) => this.#timeouts.has(timeout))) {
        return null;
      }
      const elements = changedElements(old, now);
      for (const element of elements.before) before.push(element);
      for (const element of elements.after) after.push(element);
      staged.push([key, now]);
    }
    const changes = difference(after, before, elementComparison);
    this.#connection.commit(batchOf(changes, TABLE));
    for (const [key, now] of staged) {
      if (now === null) this.#programmed.delete(key);
      else this.#programmed.set(key, now);
    }
    this.#revision = plan.revision;
    return this.#report('kept', 'changes', changes);
  }

  async #synchronise(plan: NatPlan, signal: AbortSignal): Promise<Report> {
    let skeleton: Report['skeleton'] = 'kept';
    let first: Report | null = null;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const needed = timeoutsOf(plan.entries());
      const egress = egressChainsOf(plan);
      let state = await this.#tables.state(egress, signal);
      let timeouts: readonly number[] = state === 'intact' ? this.#tables.timeouts() : needed;
      if (!needed.every((timeout) => timeouts.includes(timeout))) {
        timeouts = needed;
        state = 'other';
      }
      if (state !== 'intact') skeleton = state === 'absent' && skeleton === 'kept' ? 'loaded' : 'swapped';
      this.#disturbed = false;
      const variant = { timeouts, egress };
      const expected = state === 'absent' ? await this.#load(TABLE, variant, signal) : undefined;
      try {
        const report =
          state === 'other'
            ? await this.#swap(plan, variant, signal)
            : this.#fill(plan, TABLE, skeleton, nothingCarried, expected);
        first ??= report;
        // What came in between may have been an edit of our skeleton, and no later notification tells of it.
        if (this.#disturbed && attempt < ATTEMPTS) continue;
        this.#timeouts = new Set(timeouts);
        this.#egress = egress;
        if (this.#tables.remove([TABLE]).length > 0) this.#generation++;
        this.#plan = plan;
        this.#synchronised = true;
        this.#listen();
        return { ...first, revision: report.revision };
      } catch (error) {
        // ERESTART, EINTR: somebody changed the ruleset while we read it. ENOENT: our table went meanwhile.
        if (!(error instanceof Busy || error instanceof Rejected) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Begins to listen; what happened since the last reading counts as drift. */
  #listen(): void {
    if (this.#onDrift === null || this.#stopListening !== null) return;
    const drifted = (what: string) => {
      this.#synchronised = false;
      this.#onDrift?.(what);
    };
    this.#stopListening = watchTables(this.#connection.portId, ({ what, generation }) => {
      if (generation > this.#generation) drifted(what); // else of our own nft process, or read meanwhile
    });
    if (this.#connection.generation().id > this.#generation) drifted('something changed before we listened');
  }

  /** Puts a second copy to work, replaces the first, takes the second away. Session affinity goes along. */
  async #swap(plan: NatPlan, variant: SkeletonVariant, signal: AbortSignal): Promise<Report> {
    const before = this.#tables.read(TABLE) ?? [];
    await this.#tables.load(SWAP_TABLE, variant, signal);
    this.#fill(plan, SWAP_TABLE, 'swapped', { before, clients: this.#tables.affinityClients() });
    const clients = this.#tables.affinityClients();
    const expected = await this.#load(TABLE, variant, signal);
    return this.#fill(plan, TABLE, 'swapped', { before, clients }, expected);
  }

  /** Loads the table; gives the generation that follows when nobody else changes the ruleset meanwhile. */
  async #load(table: string, variant: SkeletonVariant, signal: AbortSignal): Promise<number> {
    const { id } = this.#connection.generation();
    await this.#tables.load(table, variant, signal);
    return id + 1;
  }

  /** Reads the table's elements and writes the difference, provided that nobody wrote in between. */
  #fill(
    plan: NatPlan,
    table: string,
    skeleton: Report['skeleton'],
    carried: Carried = nothingCarried,
    expected?: number,
  ): Report {
    const generation = this.#connection.generation().id;
    this.#disturbed = expected !== undefined && generation !== expected;
    const { difference: changes, programmed } = this.#compare(
      plan,
      this.#tables.read(table) ?? [],
      carried.before,
    );
    const { revision } = plan;
    const batch = batchOf(changes, table);
    for (const [family, elements] of carried.clients) {
      batch.addElements(nftFamily[family], table, 'affinity_clients', elements);
    }
    this.#connection.commit(batch, { generation });
    this.#generation = batch.isEmpty ? generation : generation + 1;
    this.#programmed = programmed;
    this.#revision = revision;
    const gone = this.#keepUnclaimed ? null : goneKeys(plan, carried.before, changes.remove);
    return this.#report(skeleton, 'everything', changes, gone);
  }

  #compare(plan: NatPlan, actual: readonly PlacedElement[], before: readonly PlacedElement[] = []) {
    const slots = new SlotReader(actual);
    const programmed = new Map<string, Programmed>();
    for (const entry of plan.entries()) programmed.set(entry.key, program(entry, slots.of(entry)));
    const desired = desiredElements(programmed.values());
    if (this.#keepUnclaimed) {
      const wanted = withPoolRanges(desired, [...actual, ...before]);
      const sources = claimedSources(plan);
      for (const placed of before) if (!isClaimed(plan, sources, placed)) wanted.push(placed);
      const changes = difference(wanted, actual, elementComparison);
      const remove = changes.remove.filter((placed) => isClaimed(plan, sources, placed));
      return { difference: { add: changes.add, remove }, programmed };
    }
    // Into an empty table everything is written: nothing to compare, and no names to make for it.
    const changes =
      actual.length === 0
        ? { add: [...desired], remove: [] }
        : difference(desired, actual, elementComparison);
    return { difference: changes, programmed };
  }

  #report(
    skeleton: Report['skeleton'],
    compared: Report['compared'],
    { add, remove }: Difference<PlacedElement>,
    gone: Report['gone'] = null,
  ): Report {
    const revision = this.#revision;
    return { revision, skeleton, elementsAdded: add.length, elementsDeleted: remove.length, compared, gone };
  }
}

/** The settings are the same in both families. */
function egressChainsOf(plan: NatPlan): EgressChains {
  return scopeOf(plan, 'IPv4').egress;
}

function* desiredElements(programmed: Iterable<Programmed>): Generator<PlacedElement> {
  for (const family of FAMILIES) yield* constantElements(family);
  for (const each of programmed) yield* elementsOf(each);
}

/** Room for an element with its headers: enough for IPv4, and IPv6 is grown into. */
const ELEMENT_BYTES = 80;

/** One transaction: removals first, so that what takes their place finds it free. */
function batchOf({ add, remove }: Difference<PlacedElement>, table: string): Batch {
  const batch = new Batch(4096 + ELEMENT_BYTES * (add.length + remove.length));
  for (const [family, set, elements] of bySet(remove)) {
    batch.deleteElements(nftFamily[family], table, set, toKernel(set, elements));
  }
  for (const [family, set, elements] of bySet(add)) {
    batch.addElements(nftFamily[family], table, set, toKernel(set, elements));
  }
  return batch;
}

function* bySet(placed: readonly PlacedElement[]): Generator<[Family, SetName, SetElement[]]> {
  const groups = { IPv4: new Map<SetName, SetElement[]>(), IPv6: new Map<SetName, SetElement[]>() };
  for (const { family, set, element } of placed) {
    const group = groups[family].get(set);
    if (group === undefined) groups[family].set(set, [element]);
    else group.push(element);
  }
  for (const family of FAMILIES) {
    for (const set of SET_NAMES) {
      const elements = groups[family].get(set);
      if (elements !== undefined) yield [family, set, elements];
    }
  }
}
