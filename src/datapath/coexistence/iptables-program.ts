import { readFileSync } from 'node:fs';
import type { Family } from '../../net/family.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { runProgram } from '../program.ts';
import type { ForeignTable } from './foreign-table.ts';
import { parseSavedTables } from './saved-tables.ts';

/** Runs a program and gives what it prints; null when it is not installed. Throws ProgramFailed. */
export type RunProgram = typeof runProgram;

export const FLAVOURS = ['nft', 'legacy'] as const;
export type Flavour = (typeof FLAVOURS)[number];

/** The programs of a family, its family in nf_tables, and where the kernel lists its legacy tables in this namespace. */
export const PROGRAMS = {
  IPv4: { name: 'iptables', table: 'ip', legacyTables: '/proc/self/net/ip_tables_names' },
  IPv6: { name: 'ip6tables', table: 'ip6', legacyTables: '/proc/self/net/ip6_tables_names' },
} as const;

/** Distributions name it `iptables-nft`, or have only a plain `iptables` that says which of the two it is. */
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

/** Tables of iptables as the program of a family and flavour prints them; `tables` is null where it does not print any. */
export interface SavedTables {
  /** `iptables-legacy`: what `-save` and `-restore` are appended to. */
  readonly program: string;
  readonly tables: ReadonlyMap<string, ForeignTable<string>> | null;
}

/** Reads one table, or all. Null where no program that reads them is installed. */
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

/** Gives a script to the program's `-restore`. Legacy iptables has one lock for all who write, which it waits for. */
export async function restoreTables(
  run: RunProgram,
  { program, flavour, script }: { program: string; flavour: Flavour; script: string },
  signal: AbortSignal,
): Promise<void> {
  const waiting = flavour === 'legacy' ? ['--wait', '10'] : [];
  await run([`${program}-restore`, '--noflush', ...waiting], script, signal);
}

/** Why tables of legacy iptables cannot be read, for people. */
export function unreadable(family: Family): string {
  return `the kernel has tables of legacy ${PROGRAMS[family].name}, and no program to read them is installed`;
}

/** iptables-nft prints rules that look something up in a set without that condition: such a table is nft's own. */
export function hasLookups(connection: NftablesConnection, family: Family, table: string): boolean {
  return connection
    .rules(PROGRAMS[family].table, table)
    .some(({ expressions = [] }) => expressions.some(({ name }) => name === 'lookup'));
}

/** The legacy tables of this namespace. Looking makes none: a program of legacy iptables would. */
export function legacyTables(family: Family): readonly string[] {
  try {
    return readFileSync(PROGRAMS[family].legacyTables, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
