import type { PlanEntry } from '../../plan/entry.ts';
import { type Failure, Rejected } from '../../wire/errors.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { RefusedEntry } from '../datapath.ts';
import { freshBatch } from './batches.ts';
import type { Comparison } from './comparison.ts';
import { ownerOf } from './format.ts';
import { type KernelTables, SWAP_TABLE } from './kernel-tables.ts';
import { sift } from './sift.ts';
import type { SkeletonVariant } from './skeleton.ts';
import { program } from './slots.ts';

const none: readonly RefusedEntry[] = Object.freeze([]);

/** Has the kernel try these entries in tables that are never made. Throws what it would refuse. */
function checkAnew(
  entries: readonly PlanEntry[],
  connection: NftablesConnection,
  tables: KernelTables,
  variant: SkeletonVariant,
): void {
  const programmed = new Map(entries.map((entry) => [entry.key, program(entry, undefined)]));
  connection.check(freshBatch(tables, SWAP_TABLE, variant, { changes: null, programmed }, new Map()).batch);
}

/**
 * Whether new tables could not have these entries either. If they could, the tables that stand are to blame: somebody changed
 * them, and we have not heard of it yet.
 */
export function areRefusedAnew(...parts: Parameters<typeof checkAnew>): boolean {
  try {
    checkAnew(...parts);
    return false;
  } catch (error) {
    if (error instanceof Rejected) return true;
    throw error;
  }
}

/** Entries that the kernel does not take; each is tried again when it changes. */
export class Refusals {
  readonly #byKey = new Map<string, { readonly entry: PlanEntry; readonly errno: string }>();

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  add(entry: PlanEntry, { errno }: Failure): void {
    this.#byKey.set(entry.key, { entry, errno });
  }

  /** Finds the entries of the plan that the kernel does not take, each in a table that is never made. */
  find(connection: NftablesConnection, tables: KernelTables, comparison: Comparison): void {
    const { variant } = comparison.chains(tables.readWithAside().found);
    const { refused } = sift([...comparison.entries()], (some) =>
      checkAnew(some, connection, tables, variant),
    );
    for (const [entry, failure] of refused) this.add(entry, failure);
  }

  /** Of exactly this entry, not of another with its key. */
  has(entry: PlanEntry): boolean {
    return this.#byKey.get(entry.key)?.entry === entry;
  }

  /** Forgets those that these keys had. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#byKey.delete(key);
  }

  /** Forgets those whose entry is another now. */
  keepOnly(entryOf: (key: string) => PlanEntry | undefined): void {
    for (const [key, { entry }] of this.#byKey) if (entryOf(key) !== entry) this.#byKey.delete(key);
  }

  list(): readonly RefusedEntry[] {
    if (this.isEmpty) return none;
    return [...this.#byKey].map(([key, { entry, errno }]) => ({ key, owner: ownerOf(entry), errno }));
  }
}
