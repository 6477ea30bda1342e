import type { ForeignRule, ForeignTable } from './foreign-table.ts';

/** A program whose chains in iptables tables are recognised by their names. */
export interface ChainOwner {
  /** True for a chain that only the owner makes. */
  isSign(chain: string): boolean;
  /** The owner's chains in a table that has at least one sign of it. */
  chainsIn(table: ForeignTable): readonly string[];
}

/** What to remove from a table: the jumps first, then the chains with their rules. */
export interface Removal<Id> {
  readonly chains: readonly string[];
  /** Jumps to the chains from chains that stay. */
  readonly jumps: readonly ForeignRule<Id>[];
}

/** How many chains of the table are signs of the owner. */
export function signsIn({ chains }: Pick<ForeignTable, 'chains'>, owner: ChainOwner): number {
  return chains.filter(({ name }) => owner.isSign(name)).length;
}

/** The chain that the rule jumps or goes to; null for none. */
export function targetOf({ action }: ForeignRule): string | null {
  return 'chain' in action ? action.chain : null;
}

/** The owner's chains in the table and all jumps to them. Empty for a table without a sign of the owner. */
export function removalFrom<Id>(table: ForeignTable<Id>, owner: ChainOwner): Removal<Id> {
  if (signsIn(table, owner) === 0) return { chains: [], jumps: [] };
  const chains = owner.chainsIn(table);
  const going = new Set(chains);
  const isJump = (rule: ForeignRule<Id>) => going.has(targetOf(rule) ?? '') && !going.has(rule.chain);
  return { chains, jumps: table.rules.filter(isJump) };
}

/** The input for `iptables-restore --noflush` that removes the owner's chains and jumps; empty when there are none. */
export function restoreScript(tables: ReadonlyMap<string, ForeignTable<string>>, owner: ChainOwner): string {
  const lines: string[] = [];
  for (const [name, table] of tables) {
    const { chains, jumps } = removalFrom(table, owner);
    if (chains.length === 0) continue;
    lines.push(`*${name}`);
    // Declaring an existing chain empties it. All are emptied before the first is deleted, because they jump to each
    // other.
    for (const chain of chains) lines.push(`:${chain} - [0:0]`);
    for (const { id } of jumps) lines.push(id.replace(/^-A /, '-D '));
    for (const chain of chains) lines.push(`-X ${chain}`);
    lines.push('COMMIT');
  }
  return lines.map((line) => `${line}\n`).join('');
}
