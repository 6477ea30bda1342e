/**
 * Tables, chains, rules and sets as the kernel declares them. Names and numbers:
 * include/uapi/linux/netfilter/nf_tables.h; byte order: Documentation/netlink/specs/nftables.yaml.
 */
import {
  be32,
  be64,
  binary,
  type Decoded,
  list,
  type Nest,
  nest,
  type Row,
  sbe32,
  skipped,
  string,
} from '../attributes.ts';
import { type Message, NFGENMSG } from '../messages.ts';

export const NFTA_LIST_ELEM = 1;

export const setFlags = {
  NFT_SET_ANONYMOUS: 0x1,
  NFT_SET_INTERVAL: 0x4,
  NFT_SET_MAP: 0x8,
  NFT_SET_TIMEOUT: 0x10,
  NFT_SET_EVAL: 0x20,
  NFT_SET_CONCAT: 0x80,
} as const;

/** A table with this flag has no base chain hooked in. */
export const NFT_TABLE_F_DORMANT = 0x1;
/** Linux 5.12. Only the socket that makes the table may change it, and the kernel removes it when that socket closes. */
export const NFT_TABLE_F_OWNER = 0x2;

export const tableAttributes = nest({
  name: [1, 'NFTA_TABLE_NAME', string],
  flags: [2, 'NFTA_TABLE_FLAGS', be32],
  use: [3, 'NFTA_TABLE_USE', be32],
  handle: [4, 'NFTA_TABLE_HANDLE', be64],
  padding: [5, 'NFTA_TABLE_PAD', skipped],
  userdata: [6, 'NFTA_TABLE_USERDATA', binary],
  owner: [7, 'NFTA_TABLE_OWNER', be32],
});

const hookAttributes = nest({
  hook: [1, 'NFTA_HOOK_HOOKNUM', be32],
  priority: [2, 'NFTA_HOOK_PRIORITY', sbe32],
  device: [3, 'NFTA_HOOK_DEV', string],
  devices: [4, 'NFTA_HOOK_DEVS', list(NFTA_LIST_ELEM, string)],
});

const counterAttributes = nest({
  bytes: [1, 'NFTA_COUNTER_BYTES', be64],
  packets: [2, 'NFTA_COUNTER_PACKETS', be64],
  padding: [3, 'NFTA_COUNTER_PAD', skipped],
});

export const chainAttributes = nest({
  table: [1, 'NFTA_CHAIN_TABLE', string],
  handle: [2, 'NFTA_CHAIN_HANDLE', be64],
  name: [3, 'NFTA_CHAIN_NAME', string],
  hook: [4, 'NFTA_CHAIN_HOOK', hookAttributes],
  policy: [5, 'NFTA_CHAIN_POLICY', be32],
  use: [6, 'NFTA_CHAIN_USE', be32],
  type: [7, 'NFTA_CHAIN_TYPE', string],
  counters: [8, 'NFTA_CHAIN_COUNTERS', counterAttributes],
  padding: [9, 'NFTA_CHAIN_PAD', skipped],
  flags: [10, 'NFTA_CHAIN_FLAGS', be32],
  id: [11, 'NFTA_CHAIN_ID', be32],
  userdata: [12, 'NFTA_CHAIN_USERDATA', binary],
});

/** The data is a nest whose table depends on the name. */
export const expressionAttributes = nest({
  name: [1, 'NFTA_EXPR_NAME', string],
  data: [2, 'NFTA_EXPR_DATA', binary],
});

export const ruleAttributes = nest({
  table: [1, 'NFTA_RULE_TABLE', string],
  chain: [2, 'NFTA_RULE_CHAIN', string],
  handle: [3, 'NFTA_RULE_HANDLE', be64],
  expressions: [4, 'NFTA_RULE_EXPRESSIONS', list(NFTA_LIST_ELEM, expressionAttributes)],
  compat: [5, 'NFTA_RULE_COMPAT', binary],
  position: [6, 'NFTA_RULE_POSITION', be64],
  userdata: [7, 'NFTA_RULE_USERDATA', binary],
  padding: [8, 'NFTA_RULE_PAD', skipped],
  id: [9, 'NFTA_RULE_ID', be32],
});

const fieldAttributes = nest({ length: [1, 'NFTA_SET_FIELD_LEN', be32] });

const descriptionAttributes = nest({
  size: [1, 'NFTA_SET_DESC_SIZE', be32],
  fields: [2, 'NFTA_SET_DESC_CONCAT', list(NFTA_LIST_ELEM, fieldAttributes)],
});

export const setAttributes = nest({
  table: [1, 'NFTA_SET_TABLE', string],
  name: [2, 'NFTA_SET_NAME', string],
  flags: [3, 'NFTA_SET_FLAGS', be32],
  keyType: [4, 'NFTA_SET_KEY_TYPE', be32],
  keyLength: [5, 'NFTA_SET_KEY_LEN', be32],
  dataType: [6, 'NFTA_SET_DATA_TYPE', be32],
  dataLength: [7, 'NFTA_SET_DATA_LEN', be32],
  policy: [8, 'NFTA_SET_POLICY', be32],
  description: [9, 'NFTA_SET_DESC', descriptionAttributes],
  id: [10, 'NFTA_SET_ID', be32],
  timeout: [11, 'NFTA_SET_TIMEOUT', be64],
  collectionInterval: [12, 'NFTA_SET_GC_INTERVAL', be32],
  userdata: [13, 'NFTA_SET_USERDATA', binary],
  padding: [14, 'NFTA_SET_PAD', skipped],
  objectType: [15, 'NFTA_SET_OBJ_TYPE', be32],
  handle: [16, 'NFTA_SET_HANDLE', be64],
  expression: [17, 'NFTA_SET_EXPR', expressionAttributes],
  expressions: [18, 'NFTA_SET_EXPRESSIONS', list(NFTA_LIST_ELEM, expressionAttributes)],
});

/** The process: the committer in a notification, the asking one in the answer to NFT_MSG_GETGEN. */
export const generationAttributes = nest({
  id: [1, 'NFTA_GEN_ID', be32],
  processId: [2, 'NFTA_GEN_PROC_PID', be32],
  processName: [3, 'NFTA_GEN_PROC_NAME', string],
});

/** The attributes of a declaration, and their bytes as the kernel sent them. */
export type Declaration<Rows extends Record<string, Row>> = Decoded<Rows> & { readonly raw: Uint8Array };
export type TableDeclaration = Declaration<typeof tableAttributes.rows>;
export type ChainDeclaration = Declaration<typeof chainAttributes.rows>;
export type RuleDeclaration = Declaration<typeof ruleAttributes.rows>;
export type SetDeclaration = Declaration<typeof setAttributes.rows>;

/** The declaration in a netfilter message. */
export function readDeclaration<Rows extends Record<string, Row>>(
  attributes: Nest<Rows>,
  message: Message,
  name: string,
): Declaration<Rows> {
  const start = message.start + NFGENMSG;
  return {
    ...attributes.read(message.bytes, start, message.end, name),
    raw: message.bytes.slice(start, message.end),
  };
}
