import { Busy, Rejected } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import { type ChainOwner, signsIn } from './iptables-table.ts';
import { readLegacyTables, removeFromLegacy, signedTables } from './legacy-iptables.ts';
import { addRemoval, findSharedTables } from './nf-tables.ts';

/** What of somebody was found, for people. */
export interface ChainsFinding {
  /** One line each: `3 chains in table ip nat`. Empty: there is nothing. */
  readonly found: readonly string[];
  /** What could not be looked at, and why. */
  readonly unseen: readonly string[];
}

/** How often a look or a removal is begun anew when somebody else changes the ruleset meanwhile. */
const ATTEMPTS = 5;

/**
 * The chains of one owner in the tables of iptables, which others use too: those that iptables-nft keeps in nf_tables
 * and those of legacy iptables, of both families.
 */
export class IptablesChains {
  readonly #connection: NftablesConnection;
  readonly #owner: ChainOwner;

  constructor(connection: NftablesConnection, owner: ChainOwner) {
    this.#connection = connection;
    this.#owner = owner;
  }

  async find(signal: AbortSignal): Promise<ChainsFinding> {
    const shared = await retried(async () => findSharedTables(this.#connection, this.#owner));
    const found = shared.map(({ family, table, signs }) => chainsIn(`${family} ${table}`, signs));
    const legacy = await readLegacyTables(signal);
    for (const family of legacy.families) {
      for (const table of signedTables(family, this.#owner)) {
        found.push(chainsIn(table.title, signsIn(table, this.#owner).length));
      }
    }
    const unseen = legacy.unreadable.map(
      (program) => `the kernel has tables of legacy ${program}, and no program to read them is installed`,
    );
    return { found, unseen };
  }

  /**
   * Takes away the owner's chains and the jumps to them, and nothing else: all that nf_tables has in one transaction,
   * each legacy table in one. Throws Rejected, Busy or ProgramFailed when somebody keeps changing the same tables.
   *
   * @param more adds what goes into the same transaction, read anew at each attempt
   */
  async remove(signal: AbortSignal, more: (batch: Batch) => void = () => {}): Promise<void> {
    await retried(async () => {
      const generation = this.#connection.generation().id;
      const shared = findSharedTables(this.#connection, this.#owner);
      const batch = new Batch();
      more(batch);
      addRemoval(batch, this.#connection, shared, this.#owner);
      this.#connection.commit(batch, { generation });
    });
    const { families } = await readLegacyTables(signal);
    for (const family of families) await removeFromLegacy(family, this.#owner, signal);
  }
}

function chainsIn(table: string, count: number): string {
  return `${count} ${count === 1 ? 'chain' : 'chains'} in table ${table}`;
}

/** Tries anew where somebody else changed the ruleset meanwhile. */
export async function retried<T>(task: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof Busy || error instanceof Rejected) || attempt === ATTEMPTS) throw error;
    }
  }
}
