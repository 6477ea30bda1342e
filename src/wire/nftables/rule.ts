/**
 * What a rule does to packets, as far as it can be told without a packet: include/uapi/linux/netfilter/nf_tables.h,
 * `enum nft_ct_attributes`, `nft_bitwise_attributes`, `nft_cmp_attributes`, `nft_immediate_attributes`.
 */
import { be32, binary, nest, skipped } from '../attributes.ts';
import { host32 } from '../bytes.ts';
import type { RuleDeclaration } from './declarations.ts';
import { readVerdict, type Verdict, verdictAttributes } from './element.ts';

/** A rule, reduced. */
export interface RuleSummary {
  /** What it does to packets that match; null: none of these, they go on. */
  readonly verdict: Verdict | 'reject' | null;
  /** Every packet matches. */
  readonly matchesAll: boolean;
  /** The only thing that it looks at is whether the destination was translated: `ct status dnat`. */
  readonly matchesTranslated: boolean;
}

/** Expressions that look at no packet; `comment` is a match of iptables-nft. */
const WITHOUT_MATCH: ReadonlySet<string> = new Set(['counter', 'log', 'immediate', 'reject']);

/** `enum nft_ct_keys` and `enum ip_conntrack_status`. */
const NFT_CT_STATUS = 2;
const IPS_DST_NAT = 0x20;
/** `enum nft_cmp_ops` */
const NFT_CMP_EQ = 0;
const NFT_CMP_NEQ = 1;

const ctAttributes = nest({ key: [2, 'NFTA_CT_KEY', be32] });
const valueAttributes = nest({
  value: [1, 'NFTA_DATA_VALUE', binary],
  verdict: [2, 'NFTA_DATA_VERDICT', verdictAttributes],
});
const bitwiseAttributes = nest({ mask: [4, 'NFTA_BITWISE_MASK', valueAttributes] });
const compareAttributes = nest({
  operation: [2, 'NFTA_CMP_OP', be32],
  data: [3, 'NFTA_CMP_DATA', valueAttributes],
});
const immediateAttributes = nest({
  register: [1, 'NFTA_IMMEDIATE_DREG', skipped],
  data: [2, 'NFTA_IMMEDIATE_DATA', nest({ verdict: [2, 'NFTA_DATA_VERDICT', binary] })],
});

interface Expression {
  readonly name?: string;
  readonly data?: Uint8Array;
}

export function summaryOf({ expressions = [] }: RuleDeclaration): RuleSummary {
  const matches = expressions.filter(({ name = '' }) => !WITHOUT_MATCH.has(name));
  return {
    verdict: verdictOf(expressions),
    matchesAll: matches.length === 0,
    matchesTranslated: asksForTranslation(matches),
  };
}

function verdictOf(expressions: readonly Expression[]): RuleSummary['verdict'] {
  for (const { name, data = new Uint8Array(0) } of expressions) {
    if (name === 'reject') return 'reject';
    if (name !== 'immediate') continue;
    const verdict = immediateAttributes.read(data, 0, data.length, 'immediate').data?.verdict;
    if (verdict !== undefined) return readVerdict(verdict, 0, verdict.length);
  }
  return null;
}

/** `ct status dnat` is: load the status, mask the bits, compare with 0 (not equal) or with the bit (equal). */
function asksForTranslation(matches: readonly Expression[]): boolean {
  const [load, mask, compare, ...others] = matches;
  if (others.length > 0 || load?.name !== 'ct' || mask?.name !== 'bitwise' || compare?.name !== 'cmp')
    return false;
  const bytes = [load, mask, compare].map(({ data }) => data ?? new Uint8Array(0)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const { key } = ctAttributes.read(bytes[0], 0, bytes[0].length, 'ct');
  const bits = numberOf(bitwiseAttributes.read(bytes[1], 0, bytes[1].length, 'bitwise').mask?.value);
  const { operation, data } = compareAttributes.read(bytes[2], 0, bytes[2].length, 'cmp');
  const value = numberOf(data?.value);
  if (key !== NFT_CT_STATUS || bits === null || (bits & IPS_DST_NAT) === 0) return false;
  return operation === NFT_CMP_NEQ ? value === 0 : operation === NFT_CMP_EQ && value === IPS_DST_NAT;
}

/** The status is a number of 32 bits in host byte order. */
function numberOf(value: Uint8Array | undefined): number | null {
  return value?.length === 4 ? host32(value, 0) : null;
}
