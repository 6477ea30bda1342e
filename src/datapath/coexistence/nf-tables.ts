import type { Batch } from '../../wire/nftables/batch.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { jumpTarget } from '../../wire/nftables/rule.ts';
import { type ChainOwner, type IptablesTable, removalFrom, signsIn } from './iptables-table.ts';

const FAMILIES = ['ip', 'ip6'] as const satisfies readonly NftFamily[];

/** The tables of iptables that programs of the kinds we look for have chains in. */
const TABLES: readonly string[] = ['nat', 'filter', 'mangle'];

/** A table that iptables-nft keeps and that holds chains of the owner, with their number. */
export interface SharedTable {
  readonly family: NftFamily;
  readonly table: string;
  readonly signs: number;
}

export function findSharedTables(connection: NftablesConnection, owner: ChainOwner): SharedTable[] {
  return FAMILIES.flatMap((family) => {
    const names = new Set(connection.tables(family).map(({ name }) => name));
    return TABLES.filter((table) => names.has(table)).flatMap((table) => {
      const chains = connection.chains(family, table).map(({ name = '' }) => name);
      const signs = signsIn({ chains }, owner).length;
      return signs === 0 ? [] : [{ family, table, signs }];
    });
  });
}

/** Adds what takes away the owner's part of these tables. */
export function addRemoval(
  batch: Batch,
  connection: NftablesConnection,
  shared: readonly SharedTable[],
  owner: ChainOwner,
): void {
  for (const { family, table } of shared) {
    const { chains, jumps } = removalFrom(readTable(connection, family, table), owner);
    for (const { chain, rule } of jumps) batch.deleteRule(family, table, chain, rule);
    // All are emptied before the first goes: they jump to each other.
    for (const chain of chains) batch.flushChain(family, table, chain);
    for (const chain of chains) batch.deleteChain(family, table, chain);
  }
}

/** The table, its rules told by their handles. */
function readTable(connection: NftablesConnection, family: NftFamily, table: string): IptablesTable<bigint> {
  const chains = connection.chains(family, table);
  return {
    title: `${family} ${table}`,
    chains: chains.map(({ name = '' }) => name),
    baseChains: new Set(chains.filter(({ hook }) => hook !== undefined).map(({ name = '' }) => name)),
    jumps: connection.rules(family, table).flatMap((rule) => {
      const target = jumpTarget(rule);
      if (target === null || rule.chain === undefined || rule.handle === undefined) return [];
      return [{ chain: rule.chain, target, rule: rule.handle }];
    }),
  };
}
