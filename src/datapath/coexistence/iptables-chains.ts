import { FAMILIES } from '../../net/family.ts';
import { Busy, Rejected } from '../../wire/errors.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import { NftablesConnection } from '../../wire/nftables/connection.ts';
import { runProgram } from '../program.ts';
import { type ChainOwner, removalFrom, restoreScript, signsIn } from './chain-owner.ts';
import {
  legacyTables,
  PROGRAMS,
  restoreTables,
  type SavedTables,
  savedTables,
  unreadable,
} from './iptables-program.ts';
import { nativeChains, nativeTable } from './native-tables.ts';

/** What was found of a program, for people. */
export interface ChainsFinding {
  /** One line each: `3 chains in table ip nat`. Empty: nothing was found. */
  readonly found: readonly string[];
  /** What could not be read, and why. */
  readonly unseen: readonly string[];
}

/** Attempts to read or remove while another program keeps changing the ruleset. */
const ATTEMPTS = 5;

/** The iptables tables that can hold chains of the owners. */
const TABLES: readonly string[] = ['nat', 'filter', 'mangle'];

/** A table that iptables-nft keeps and that holds chains of the owner, with their number. */
interface SharedTable {
  readonly family: 'ip' | 'ip6';
  readonly table: string;
  readonly signs: number;
}

/** One owner's chains in iptables tables of both families, iptables-nft and legacy. */
export class IptablesChains {
  readonly #owner: ChainOwner;
  readonly #connection: NftablesConnection;

  /** @param connection to the network namespace in question; `close` closes it */
  constructor(owner: ChainOwner, connection = new NftablesConnection()) {
    this.#owner = owner;
    this.#connection = connection;
  }

  async find(signal: AbortSignal): Promise<ChainsFinding> {
    const shared = await retried(async () => this.#shared());
    const found = shared.map(({ family, table, signs }) => chainsIn(`${family} ${table}`, signs));
    const unseen: string[] = [];
    for (const family of FAMILIES) {
      if (legacyTables(family).length === 0) continue;
      const tables = (await savedTables(runProgram, family, 'legacy', signal))?.tables ?? null;
      if (tables === null) unseen.push(unreadable(family));
      for (const table of tables?.values() ?? []) {
        const signs = signsIn(table, this.#owner);
        if (signs > 0) found.push(chainsIn(table.title, signs));
      }
    }
    return { found, unseen };
  }

  /**
   * Removes only the owner's chains and the jumps to them: one transaction for nf_tables, one for each legacy table.
   * Throws Rejected, Busy or ProgramFailed when another program keeps changing the tables.
   * @param more adds to the same transaction; called at each attempt
   */
  async remove(signal: AbortSignal, more: (batch: Batch) => void = () => {}): Promise<void> {
    await retried(async () => {
      const generation = this.#connection.generation().id;
      const batch = new Batch();
      more(batch);
      for (const shared of this.#shared()) this.#addRemoval(batch, shared);
      this.#connection.commit(batch, { generation });
    });
    for (const family of FAMILIES) {
      if (legacyTables(family).length === 0) continue;
      const saved = await savedTables(runProgram, family, 'legacy', signal);
      if (saved !== null) await this.#removeFromLegacy(saved, signal);
    }
  }

  close(): void {
    this.#connection.close();
  }

  #shared(): SharedTable[] {
    return FAMILIES.flatMap((each) => {
      const family = PROGRAMS[each].table;
      const names = new Set(this.#connection.tables(family).map(({ name }) => name));
      return TABLES.filter((table) => names.has(table)).flatMap((table) => {
        const signs = signsIn({ chains: nativeChains(this.#connection, family, table) }, this.#owner);
        return signs === 0 ? [] : [{ family, table, signs }];
      });
    });
  }

  #addRemoval(batch: Batch, { family, table }: SharedTable): void {
    const { chains, jumps } = removalFrom(nativeTable(this.#connection, family, table), this.#owner);
    for (const { chain, id } of jumps) batch.deleteRule(family, table, chain, id);
    // All are emptied before the first is deleted, because they jump to each other.
    for (const chain of chains) batch.flushChain(family, table, chain);
    for (const chain of chains) batch.deleteChain(family, table, chain);
  }

  async #removeFromLegacy({ program, tables }: SavedTables, signal: AbortSignal): Promise<void> {
    const script = tables === null ? '' : restoreScript(tables, this.#owner);
    if (script !== '') await restoreTables(runProgram, { program, flavour: 'legacy', script }, signal);
  }
}

function chainsIn(table: string, count: number): string {
  return `${count} ${count === 1 ? 'chain' : 'chains'} in table ${table}`;
}

/** Repeats the task when another program changed the ruleset meanwhile. */
export async function retried<T>(task: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof Busy || error instanceof Rejected) || attempt === ATTEMPTS) throw error;
    }
  }
}
