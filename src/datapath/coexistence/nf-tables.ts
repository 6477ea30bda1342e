import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import { jumpTarget } from '../../wire/nftables/jump.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import { type IptablesTable, removalFrom } from './iptables-table.ts';
import { IPTABLES_TABLES, isKubeProxyChain, KUBE_PROXY_TABLE } from './kube-proxy-names.ts';

const FAMILIES = ['ip', 'ip6'] as const satisfies readonly NftFamily[];

/** What of kube-proxy is in nf_tables. */
export interface NfTablesFinding {
  /** Families with a table of nftables mode. */
  readonly own: readonly NftFamily[];
  /** Tables that iptables-nft keeps and that hold chains of iptables mode, with the signs in them. */
  readonly shared: readonly { readonly family: NftFamily; readonly table: string; readonly signs: number }[];
}

export function findInNfTables(connection: NftablesConnection): NfTablesFinding {
  const own: NftFamily[] = [];
  const shared: { family: NftFamily; table: string; signs: number }[] = [];
  for (const family of FAMILIES) {
    const names = new Set(connection.tables(family).map(({ name }) => name));
    if (names.has(KUBE_PROXY_TABLE)) own.push(family);
    for (const table of IPTABLES_TABLES) {
      if (!names.has(table)) continue;
      const signs = connection.chains(family, table).filter(({ name = '' }) => isKubeProxyChain(name)).length;
      if (signs > 0) shared.push({ family, table, signs });
    }
  }
  return { own, shared };
}

/** The nft script that takes away what was found, in one transaction; empty when that is nothing. */
export function nfTablesRemoval(connection: NftablesConnection, finding: NfTablesFinding): string {
  const lines = finding.own.map((family) => `delete table ${family} ${KUBE_PROXY_TABLE}`);
  for (const { family, table } of finding.shared) {
    const { chains, jumps } = removalFrom(readTable(connection, family, table));
    for (const { chain, rule } of jumps) lines.push(`delete rule ${family} ${table} ${chain} handle ${rule}`);
    // All are emptied before the first goes: they jump to each other.
    for (const chain of chains) lines.push(`flush chain ${family} ${table} ${chain}`);
    for (const chain of chains) lines.push(`delete chain ${family} ${table} ${chain}`);
  }
  return lines.map((line) => `${line}\n`).join('');
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
