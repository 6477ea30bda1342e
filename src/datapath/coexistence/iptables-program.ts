import { readFileSync } from 'node:fs';
import type { Family } from '../../net/family.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { runProgram } from '../program.ts';
import type { ForeignTable } from './foreign-table.ts';
import { parseSavedTables } from './saved-tables.ts';

export type RunProgram = typeof runProgram;

export const FLAVOURS = ['nft', 'legacy'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** The programs of a family, its family in nf_tables, and where the kernel lists its legacy tables in this namespace. */
export const PROGRAMS = {
  IPv4: { name: 'iptables', table: 'ip', legacyTables: '/proc/self/net/ip_tables_names' },
  IPv6: { name: 'ip6tables', table: 'ip6', legacyTables: '/proc/self/net/ip6_tables_names' },
} as const;

/** Some distributions only have a plain `iptables`, which says which flavour it is. */
export async function programOf(
  run: RunProgram,
  family: Family,
  flavour: Flavour,
  signal: AbortSignal,
): Promise<string | null> {
  const { name } = PROGRAMS[family];
  const named = `${name}-${flavour}`;
  if ((await run([`${named}-save`, '--version'], '', signal)) !== null) return named;
  const version = await run([`${name}-save`, '--version'], '', signal);
  if (version === null) return null;
  return version.includes('nf_tables') === (flavour === 'nft') ? name : null;
}

/** Tables of iptables as its program prints them; `tables` is null when it prints none. */
export interface SavedTables {
  /** `iptables-legacy`: what `-save` and `-restore` are appended to. */
  readonly program: string;
  readonly tables: ReadonlyMap<string, ForeignTable<string>> | null;
}

/** Reads one table, or all. Null when no program that can read them is installed. */
export async function savedTables(
  run: RunProgram,
  family: Family,
  flavour: Flavour,
  signal: AbortSignal,
  table?: string,
): Promise<SavedTables | null> {
  const program = await programOf(run, family, flavour, signal);
  if (program === null) return null;
  const text = await run([`${program}-save`, ...(table === undefined ? [] : ['-t', table])], '', signal);
  return { program, tables: text === null ? null : parseSavedTables(text, program, family) };
}

/** Runs the program's `-restore`. Legacy iptables waits for its lock. */
export async function restoreTables(
  run: RunProgram,
  { program, flavour, script }: { program: string; flavour: Flavour; script: string },
  signal: AbortSignal,
): Promise<void> {
  const waiting = flavour === 'legacy' ? ['--wait', '10'] : [];
  await run([`${program}-restore`, '--noflush', ...waiting], script, signal);
}

/** Why legacy tables cannot be read, for messages. */
export function unreadable(family: Family): string {
  return `the kernel has tables of legacy ${PROGRAMS[family].name}, and no program to read them is installed`;
}

/** iptables-nft prints rules with set lookups without that condition: such a table belongs to nft. */
export function hasLookups(connection: NftablesConnection, family: Family, table: string): boolean {
  return connection
    .rules(PROGRAMS[family].table, table)
    .some(({ expressions = [] }) => expressions.some(({ name }) => name === 'lookup'));
}

/** The legacy tables of this namespace. Reading /proc creates none; running legacy iptables would. */
export function legacyTables(family: Family): readonly string[] {
  try {
    return readFileSync(PROGRAMS[family].legacyTables, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
