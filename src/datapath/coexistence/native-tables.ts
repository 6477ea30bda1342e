import { FAMILIES } from '../../net/family.ts';
import type { NftablesConnection } from '../../wire/nftables/connection.ts';
import type { NftFamily } from '../../wire/nftables/numbers.ts';
import type { ForeignChain, ForeignTable } from './foreign-table.ts';
import { NativeRule } from './native-rule.ts';

/** Families of tables that IP packets pass. */
export const NFT_FAMILIES = ['ip', 'ip6', 'inet'] as const satisfies readonly NftFamily[];
export type IpTableFamily = (typeof NFT_FAMILIES)[number];

/** NF_DROP of include/uapi/linux/netfilter.h. */
const NF_DROP = 0;

/** Empty when there is no such table. */
export function nativeChains(
  connection: NftablesConnection,
  family: IpTableFamily,
  table: string,
): ForeignChain[] {
  return connection.chains(family, table).map(({ name = '', type = '', hook, policy }) => ({
    name,
    base: hook?.hook === undefined ? null : { type, hook: hook.hook },
    policyDrops: policy === NF_DROP,
  }));
}

export function nativeTable(
  connection: NftablesConnection,
  family: IpTableFamily,
  name: string,
): ForeignTable<bigint> {
  const families = family === 'inet' ? FAMILIES : [family === 'ip' ? ('IPv4' as const) : ('IPv6' as const)];
  const elementsOf = (set: string) => connection.elements(family, name, set);
  return {
    title: `table ${family} ${name}`,
    name,
    chains: nativeChains(connection, family, name),
    rules: connection.rules(family, name).map((rule) => new NativeRule(rule, families, elementsOf)),
  };
}
