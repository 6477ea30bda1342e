import { readFileSync } from 'node:fs';
import type { Family } from '../../net/family.ts';
import type { runProgram } from '../program.ts';

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

/** Looking makes none: a program of legacy iptables would. */
export function hasLegacyTable(family: Family, table: string): boolean {
  try {
    return readFileSync(PROGRAMS[family].legacyTables, 'utf8').split('\n').includes(table);
  } catch {
    return false;
  }
}
