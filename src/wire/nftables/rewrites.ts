/**
 * What a rule does to the source of packets: expressions `masq` and `nat` of nf_tables, and the targets of iptables-nft
 * that do the same. include/uapi/linux/netfilter/nf_tables.h, `enum nft_nat_attributes`, and nf_tables_compat.h,
 * `enum nft_target_attributes`.
 */
import { be32, nest, string } from '../attributes.ts';
import type { RuleDeclaration } from './declarations.ts';

/** `enum nft_nat_types` */
const NFT_NAT_SNAT = 0;

const natAttributes = nest({ type: [1, 'NFTA_NAT_TYPE', be32] });
const targetAttributes = nest({ name: [1, 'NFTA_TARGET_NAME', string] });

/** Targets of iptables(8) that rewrite sources. */
const TARGETS: ReadonlyMap<string, string> = new Map([
  ['MASQUERADE', 'masquerade'],
  ['SNAT', 'snat'],
  ['NETMAP', 'netmap'],
]);

/** `masquerade`, `snat` or `netmap`; null for a rule that rewrites no source. */
export function sourceRewrite({ expressions = [] }: RuleDeclaration): string | null {
  for (const { name, data = new Uint8Array(0) } of expressions) {
    if (name === 'masq') return 'masquerade';
    if (name === 'nat' && natAttributes.read(data, 0, data.length, 'nat').type === NFT_NAT_SNAT)
      return 'snat';
    if (name === 'target') {
      const target = targetAttributes.read(data, 0, data.length, 'target').name ?? '';
      const found = TARGETS.get(target);
      if (found !== undefined) return found;
    }
  }
  return null;
}
