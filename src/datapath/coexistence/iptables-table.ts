import { isKubeProxyChain, isMasqueradeChain, MARK_CHAIN } from './kube-proxy-names.ts';

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

/** The chains of the table that show kube-proxy. */
export function signsIn({ chains }: IptablesTable<unknown>): readonly string[] {
  return chains.filter(isKubeProxyChain);
}

/**
 * What of the table is kube-proxy's: its chains and the jumps to them, wherever those stand. Nothing in a table
 * without a sign of kube-proxy.
 *
 * The masquerading chains stay where a chain of somebody else uses them (the portmap plugin's
 * `externalSetMarkChain`): without them its connections would lose their masquerade.
 */
export function removalFrom<Rule>(table: IptablesTable<Rule>): Removal<Rule> {
  if (signsIn(table).length === 0) return { chains: [], jumps: [] };
  const isOwn = (chain: string) => isKubeProxyChain(chain) || isMasqueradeChain(chain);
  const isBorrowed = table.jumps.some(
    ({ chain, target }) => target === MARK_CHAIN && !isOwn(chain) && !table.baseChains.has(chain),
  );
  const chains = table.chains.filter(
    (chain) => isKubeProxyChain(chain) || (isMasqueradeChain(chain) && !isBorrowed),
  );
  const going = new Set(chains);
  return { chains, jumps: table.jumps.filter(({ chain, target }) => going.has(target) && !going.has(chain)) };
}
