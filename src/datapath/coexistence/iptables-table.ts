/** A table in the form that iptables gives it, be it kept by nf_tables or by legacy iptables. */
export interface IptablesTable<Rule> {
  /** For people: `ip nat`, `nat of legacy iptables`. */
  readonly title: string;
  readonly chains: readonly string[];
  /** The base chains among them, such as PREROUTING. */
  readonly baseChains: ReadonlySet<string>;
  /** All rules that jump or go to a chain. */
  readonly jumps: readonly Jump<Rule>[];
}

export interface Jump<Rule> {
  readonly chain: string;
  readonly target: string;
  /** What the rule is deleted by. */
  readonly rule: Rule;
}

/** What is taken out of a table: these rules, then these chains with all that they hold. */
export interface Removal<Rule> {
  readonly chains: readonly string[];
  /** Jumps to the chains from chains that stay. */
  readonly jumps: readonly Jump<Rule>[];
}

/** Whose chains are looked for in the tables of iptables, told by their names. */
export interface ChainOwner {
  /** A chain that only the owner makes: a sign of it. */
  isSign(chain: string): boolean;
  /** The chains of the owner in a table that has a sign of it. */
  chainsIn(table: IptablesTable<unknown>): readonly string[];
}

/** The chains of the table that show the owner. */
export function signsIn({ chains }: Pick<IptablesTable<unknown>, 'chains'>, owner: ChainOwner): string[] {
  return chains.filter((chain) => owner.isSign(chain));
}

/**
 * What of the table is the owner's: its chains and the jumps to them, wherever those stand. Nothing in a table without
 * a sign of the owner.
 */
export function removalFrom<Rule>(table: IptablesTable<Rule>, owner: ChainOwner): Removal<Rule> {
  if (signsIn(table, owner).length === 0) return { chains: [], jumps: [] };
  const chains = owner.chainsIn(table);
  const going = new Set(chains);
  return { chains, jumps: table.jumps.filter(({ chain, target }) => going.has(target) && !going.has(chain)) };
}
