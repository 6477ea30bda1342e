/**
 * The expressions of a rule: names and attributes of include/uapi/linux/netfilter/nf_tables.h (`enum
 * nft_…_attributes`). Numbers are in network byte order unless a row says otherwise; data are register bytes.
 */
import { be32, be64, binary, type Decoded, nest, skipped, string, u8 } from '../attributes.ts';
import { ByteWriter } from '../bytes.ts';
import type { expressionAttributes } from './declarations.ts';
import { dataAttributes } from './element.ts';

export const expressionTables = {
  payload: nest({
    dreg: [1, 'NFTA_PAYLOAD_DREG', be32],
    base: [2, 'NFTA_PAYLOAD_BASE', be32],
    offset: [3, 'NFTA_PAYLOAD_OFFSET', be32],
    length: [4, 'NFTA_PAYLOAD_LEN', be32],
    sreg: [5, 'NFTA_PAYLOAD_SREG', be32],
  }),
  meta: nest({
    dreg: [1, 'NFTA_META_DREG', be32],
    key: [2, 'NFTA_META_KEY', be32],
    sreg: [3, 'NFTA_META_SREG', be32],
  }),
  ct: nest({
    dreg: [1, 'NFTA_CT_DREG', be32],
    key: [2, 'NFTA_CT_KEY', be32],
    direction: [3, 'NFTA_CT_DIRECTION', u8],
    sreg: [4, 'NFTA_CT_SREG', be32],
  }),
  fib: nest({
    dreg: [1, 'NFTA_FIB_DREG', be32],
    result: [2, 'NFTA_FIB_RESULT', be32],
    flags: [3, 'NFTA_FIB_FLAGS', be32],
  }),
  numgen: nest({
    dreg: [1, 'NFTA_NG_DREG', be32],
    modulus: [2, 'NFTA_NG_MODULUS', be32],
    type: [3, 'NFTA_NG_TYPE', be32],
    offset: [4, 'NFTA_NG_OFFSET', be32],
  }),
  hash: nest({
    sreg: [1, 'NFTA_HASH_SREG', be32],
    dreg: [2, 'NFTA_HASH_DREG', be32],
    length: [3, 'NFTA_HASH_LEN', be32],
    modulus: [4, 'NFTA_HASH_MODULUS', be32],
    seed: [5, 'NFTA_HASH_SEED', be32],
    offset: [6, 'NFTA_HASH_OFFSET', be32],
    type: [7, 'NFTA_HASH_TYPE', be32],
  }),
  cmp: nest({
    sreg: [1, 'NFTA_CMP_SREG', be32],
    operation: [2, 'NFTA_CMP_OP', be32],
    data: [3, 'NFTA_CMP_DATA', dataAttributes],
  }),
  bitwise: nest({
    sreg: [1, 'NFTA_BITWISE_SREG', be32],
    dreg: [2, 'NFTA_BITWISE_DREG', be32],
    length: [3, 'NFTA_BITWISE_LEN', be32],
    mask: [4, 'NFTA_BITWISE_MASK', dataAttributes],
    xor: [5, 'NFTA_BITWISE_XOR', dataAttributes],
    operation: [6, 'NFTA_BITWISE_OP', be32],
    data: [7, 'NFTA_BITWISE_DATA', dataAttributes],
  }),
  byteorder: nest({
    sreg: [1, 'NFTA_BYTEORDER_SREG', be32],
    dreg: [2, 'NFTA_BYTEORDER_DREG', be32],
    operation: [3, 'NFTA_BYTEORDER_OP', be32],
    length: [4, 'NFTA_BYTEORDER_LEN', be32],
    size: [5, 'NFTA_BYTEORDER_SIZE', be32],
  }),
  range: nest({
    sreg: [1, 'NFTA_RANGE_SREG', be32],
    operation: [2, 'NFTA_RANGE_OP', be32],
    first: [3, 'NFTA_RANGE_FROM_DATA', dataAttributes],
    last: [4, 'NFTA_RANGE_TO_DATA', dataAttributes],
  }),
  lookup: nest({
    set: [1, 'NFTA_LOOKUP_SET', string],
    sreg: [2, 'NFTA_LOOKUP_SREG', be32],
    dreg: [3, 'NFTA_LOOKUP_DREG', be32],
    setId: [4, 'NFTA_LOOKUP_SET_ID', be32],
    flags: [5, 'NFTA_LOOKUP_FLAGS', be32],
  }),
  immediate: nest({
    dreg: [1, 'NFTA_IMMEDIATE_DREG', be32],
    data: [2, 'NFTA_IMMEDIATE_DATA', dataAttributes],
  }),
  nat: nest({
    type: [1, 'NFTA_NAT_TYPE', be32],
    family: [2, 'NFTA_NAT_FAMILY', be32],
    addressMin: [3, 'NFTA_NAT_REG_ADDR_MIN', be32],
    addressMax: [4, 'NFTA_NAT_REG_ADDR_MAX', be32],
    portMin: [5, 'NFTA_NAT_REG_PROTO_MIN', be32],
    portMax: [6, 'NFTA_NAT_REG_PROTO_MAX', be32],
    flags: [7, 'NFTA_NAT_FLAGS', be32],
  }),
  masq: nest({
    flags: [1, 'NFTA_MASQ_FLAGS', be32],
    portMin: [2, 'NFTA_MASQ_REG_PROTO_MIN', be32],
    portMax: [3, 'NFTA_MASQ_REG_PROTO_MAX', be32],
  }),
  reject: nest({
    type: [1, 'NFTA_REJECT_TYPE', be32],
    code: [2, 'NFTA_REJECT_ICMP_CODE', u8],
  }),
  dynset: nest({
    set: [1, 'NFTA_DYNSET_SET_NAME', string],
    setId: [2, 'NFTA_DYNSET_SET_ID', be32],
    operation: [3, 'NFTA_DYNSET_OP', be32],
    sregKey: [4, 'NFTA_DYNSET_SREG_KEY', be32],
    sregData: [5, 'NFTA_DYNSET_SREG_DATA', be32],
    timeout: [6, 'NFTA_DYNSET_TIMEOUT', be64],
    expression: [7, 'NFTA_DYNSET_EXPR', binary],
    padding: [8, 'NFTA_DYNSET_PAD', skipped],
    flags: [9, 'NFTA_DYNSET_FLAGS', be32],
    expressions: [10, 'NFTA_DYNSET_EXPRESSIONS', binary],
  }),
  notrack: nest({}),
  counter: nest({
    bytes: [1, 'NFTA_COUNTER_BYTES', be64],
    packets: [2, 'NFTA_COUNTER_PACKETS', be64],
    padding: [3, 'NFTA_COUNTER_PAD', skipped],
  }),
  limit: nest({
    rate: [1, 'NFTA_LIMIT_RATE', be64],
    unit: [2, 'NFTA_LIMIT_UNIT', be64],
    burst: [3, 'NFTA_LIMIT_BURST', be32],
    type: [4, 'NFTA_LIMIT_TYPE', be32],
    flags: [5, 'NFTA_LIMIT_FLAGS', be32],
    padding: [6, 'NFTA_LIMIT_PAD', skipped],
  }),
  redir: nest({
    portMin: [1, 'NFTA_REDIR_REG_PROTO_MIN', be32],
    portMax: [2, 'NFTA_REDIR_REG_PROTO_MAX', be32],
    flags: [3, 'NFTA_REDIR_FLAGS', be32],
  }),
  objref: nest({
    type: [1, 'NFTA_OBJREF_IMM_TYPE', be32],
    name: [2, 'NFTA_OBJREF_IMM_NAME', string],
    set: [4, 'NFTA_OBJREF_SET_NAME', string],
  }),
  /** A match of iptables-nft: nf_tables_compat.h, `enum nft_match_attributes`. */
  match: nest({
    name: [1, 'NFTA_MATCH_NAME', string],
    revision: [2, 'NFTA_MATCH_REV', be32],
    info: [3, 'NFTA_MATCH_INFO', binary],
  }),
  /** A target of iptables-nft: nf_tables_compat.h, `enum nft_target_attributes`. */
  target: nest({
    name: [1, 'NFTA_TARGET_NAME', string],
    revision: [2, 'NFTA_TARGET_REV', be32],
    info: [3, 'NFTA_TARGET_INFO', binary],
  }),
} as const;

export type ExpressionName = keyof typeof expressionTables;
type Attributes<Name extends ExpressionName> = Decoded<(typeof expressionTables)[Name]['rows']>;

export type Expression = {
  readonly [Name in ExpressionName]: { readonly name: Name; readonly attributes: Attributes<Name> };
}[ExpressionName];

/** An item of NFTA_RULE_EXPRESSIONS as transmitted. */
export type RawExpression = Decoded<typeof expressionAttributes.rows>;

export function encodeExpression({ name, attributes }: Expression): RawExpression {
  const table = expressionTables[name] as { write(writer: ByteWriter, value: unknown): void };
  encoding.length = 0;
  table.write(encoding, attributes);
  return { name, data: encoding.written.slice() };
}

/** What one expression is written into, before it is copied at its length. */
const encoding = new ByteWriter();

/** Null for an expression without a table here. */
export function decodeExpression({ name = '', data = new Uint8Array(0) }: RawExpression): Expression | null {
  if (!(name in expressionTables)) return null;
  const table = expressionTables[name as ExpressionName];
  return { name, attributes: table.read(data, 0, data.length, name) } as Expression;
}

/** `enum nft_registers`: the verdict, and 16 registers of 4 bytes, which are also 4 of 16 bytes. */
export const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NFT_REG32_00 = 8;
export const REGISTERS = 16;

/** The kernel's number of the 4-byte register with this index, 0 to 15 (nft_dump_register). */
export function registerNumber(index: number): number {
  return index % 4 === 0 ? NFT_REG_1 + index / 4 : NFT_REG32_00 + index;
}

export const numbers = {
  payloadBase: { network: 1, transport: 2 },
  metaKey: {
    mark: 3,
    iif: 4,
    oif: 5,
    iifname: 6,
    oifname: 7,
    nftrace: 12,
    nfproto: 15,
    l4proto: 16,
    pkttype: 19,
  },
  ctKey: { state: 0, direction: 1, status: 2, mark: 3, 'proto-src': 11, 'proto-dst': 12 },
  ctAddress: { IPv4: { saddr: 19, daddr: 20 }, IPv6: { saddr: 21, daddr: 22 } },
  ctOriginal: 0,
  fibResult: { type: 3 },
  fibFlags: { saddr: 1, daddr: 2 },
  numgenType: { inc: 0, random: 1 },
  cmp: { '==': 0, '!=': 1, '<=': 3, '>=': 5 },
  byteorder: { hton: 1 },
  lookupInverted: 1,
  natType: { snat: 0, dnat: 1 },
  natFamily: { IPv4: 2, IPv6: 10 },
  /** `NF_NAT_RANGE_…` of include/uapi/linux/netfilter/nf_nat.h. */
  natFlags: { 'map-ips': 1, ports: 2, random: 4, persistent: 8, 'fully-random': 16, 'port-offset': 32 },
  reject: { unreachable: 0, 'tcp reset': 1 },
  dynset: { add: 0, update: 1, delete: 2 },
} as const;
