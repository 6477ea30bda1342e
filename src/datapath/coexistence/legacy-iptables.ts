import { readFileSync } from 'node:fs';
import { runProgram } from '../program.ts';
import { type ChainOwner, type IptablesTable, signsIn } from './iptables-table.ts';
import { parseSavedRules, restoreScript } from './saved-rules.ts';

/** Where the kernel lists the legacy tables of this network namespace; absent without its modules. */
const FAMILIES = [
  { program: 'iptables', names: '/proc/self/net/ip_tables_names' },
  { program: 'ip6tables', names: '/proc/self/net/ip6_tables_names' },
] as const;

/** The tables of legacy iptables of one family. */
export interface LegacyTables {
  /** `iptables-legacy` or `iptables`: what `-save` and `-restore` are appended to. */
  readonly program: string;
  /** By their names. */
  readonly tables: ReadonlyMap<string, IptablesTable<string>>;
}

/** What legacy iptables holds, and families that have tables but no program to read them. */
export interface LegacyReading {
  readonly families: readonly LegacyTables[];
  readonly unreadable: readonly string[];
}

/**
 * Reads legacy iptables by its own programs; runs none where the kernel has no legacy tables, so that looking makes
 * none. nf_tables knows nothing of these.
 */
export async function readLegacyTables(signal: AbortSignal): Promise<LegacyReading> {
  const families: LegacyTables[] = [];
  const unreadable: string[] = [];
  for (const { program, names } of FAMILIES) {
    if (!hasTables(names)) continue;
    const found = await legacyProgram(program, signal);
    const text = found === null ? null : await runProgram([`${found}-save`], '', signal);
    if (found === null || text === null) unreadable.push(program);
    else families.push({ program: found, tables: parseSavedRules(text, `% of ${found}`) });
  }
  return { families, unreadable };
}

/** Takes what is the owner's out of the tables, each table in one transaction. */
export async function removeFromLegacy(
  { program, tables }: LegacyTables,
  owner: ChainOwner,
  signal: AbortSignal,
): Promise<void> {
  const script = restoreScript(tables, owner);
  if (script !== '') await runProgram([`${program}-restore`, '--noflush', '--wait', '10'], script, signal);
}

/** The tables that show the owner. */
export function signedTables({ tables }: LegacyTables, owner: ChainOwner): readonly IptablesTable<string>[] {
  return [...tables.values()].filter((table) => signsIn(table, owner).length > 0);
}

function hasTables(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() !== '';
  } catch {
    return false;
  }
}

/** Distributions name it `iptables-legacy`, or have only a plain `iptables` that says which of the two it is. */
async function legacyProgram(program: string, signal: AbortSignal): Promise<string | null> {
  const legacy = `${program}-legacy`;
  if ((await runProgram([`${legacy}-save`, '--version'], '', signal)) !== null) return legacy;
  const version = await runProgram([`${program}-save`, '--version'], '', signal);
  return version === null || version.includes('nf_tables') ? null : program;
}
