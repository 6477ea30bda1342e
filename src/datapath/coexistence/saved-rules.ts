import { type ChainOwner, type IptablesTable, type Jump, removalFrom } from './iptables-table.ts';

/**
 * Reads what `iptables-save` prints: `*nat` opens a table, `:CHAIN POLICY [packets:bytes]` declares a chain with the
 * policy `-` unless it is a base chain, `-A CHAIN …` is a rule, `COMMIT` closes the table.
 *
 * @param title `%` stands for the table's name
 */
export function parseSavedRules(text: string, title: string): Map<string, IptablesTable<string>> {
  const tables = new Map<string, IptablesTable<string>>();
  let chains: string[] = [];
  let baseChains = new Set<string>();
  let jumps: Jump<string>[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      [chains, baseChains, jumps] = [[], new Set(), []];
      const name = line.slice(1).trim();
      tables.set(name, { title: title.replace('%', name), chains, baseChains, jumps });
    } else if (line.startsWith(':')) {
      const [chain = '', policy] = line.slice(1).split(' ');
      chains.push(chain);
      if (policy !== '-') baseChains.add(chain);
    } else if (line.startsWith('-A ')) {
      const target = targetOf(line);
      if (target !== null) jumps.push({ chain: line.split(' ')[1] ?? '', target, rule: line });
    }
  }
  return tables;
}

/** What follows `-j` or `-g` outside of quotes. */
function targetOf(rule: string): string | null {
  return / -[jg] (\S+)/.exec(rule.replace(/"(\\.|[^"\\])*"/g, '""'))?.[1] ?? null;
}

/** What `iptables-restore --noflush` is told, to take away what is the owner's; empty when that is nothing. */
export function restoreScript(tables: ReadonlyMap<string, IptablesTable<string>>, owner: ChainOwner): string {
  const lines: string[] = [];
  for (const [name, table] of tables) {
    const { chains, jumps } = removalFrom(table, owner);
    if (chains.length === 0) continue;
    lines.push(`*${name}`);
    // To declare a chain that exists empties it. All are emptied before the first goes: they jump to each other.
    for (const chain of chains) lines.push(`:${chain} - [0:0]`);
    for (const { rule } of jumps) lines.push(rule.replace(/^-A /, '-D '));
    for (const chain of chains) lines.push(`-X ${chain}`);
    lines.push('COMMIT');
  }
  return lines.map((line) => `${line}\n`).join('');
}
