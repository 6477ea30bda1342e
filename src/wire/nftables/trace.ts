/**
 * Notifications of NFNLGRP_NFTRACE: every rule, end of a chain and policy that decides about a traced packet, in order.
 *
 * A packet is traced from the rule on that sets `meta nftrace`, until it leaves this network namespace. The kernel tells
 * its headers once for each base chain, as they are when the chain begins (nf_tables_trace.c, `packet_dumped`).
 */
import { be16, be32, be64, binary, nest, skipped, string, u8 } from '../attributes.ts';
import { type Message, NFGENMSG, readNfgenmsg } from '../messages.ts';
import { type Subscription, subscribe } from '../notifications.ts';
import { type Verdict, verdictAttributes, verdictOf } from './element.ts';
import { NFNLGRP_NFTRACE, type NftFamily, nftFamilyOf, nftType } from './numbers.ts';

/** The last four: from Linux 6.18 on. */
const traceAttributes = nest({
  table: [1, 'NFTA_TRACE_TABLE', string],
  chain: [2, 'NFTA_TRACE_CHAIN', string],
  rule: [3, 'NFTA_TRACE_RULE_HANDLE', be64],
  type: [4, 'NFTA_TRACE_TYPE', be32],
  verdict: [5, 'NFTA_TRACE_VERDICT', verdictAttributes],
  id: [6, 'NFTA_TRACE_ID', be32],
  linkHeader: [7, 'NFTA_TRACE_LL_HEADER', skipped],
  networkHeader: [8, 'NFTA_TRACE_NETWORK_HEADER', binary],
  transportHeader: [9, 'NFTA_TRACE_TRANSPORT_HEADER', binary],
  iif: [10, 'NFTA_TRACE_IIF', be32],
  iifType: [11, 'NFTA_TRACE_IIFTYPE', be16],
  oif: [12, 'NFTA_TRACE_OIF', be32],
  oifType: [13, 'NFTA_TRACE_OIFTYPE', be16],
  mark: [14, 'NFTA_TRACE_MARK', be32],
  protocol: [15, 'NFTA_TRACE_NFPROTO', be32],
  policy: [16, 'NFTA_TRACE_POLICY', be32],
  padding: [17, 'NFTA_TRACE_PAD', skipped],
  conntrackId: [18, 'NFTA_TRACE_CT_ID', be32],
  direction: [19, 'NFTA_TRACE_CT_DIRECTION', u8],
  status: [20, 'NFTA_TRACE_CT_STATUS', be32],
  state: [21, 'NFTA_TRACE_CT_STATE', be32],
});

/** `enum nft_trace_types` */
const traceTypes = { 1: 'policy', 2: 'return', 3: 'rule' } as const;

/** `enum ip_conntrack_info` as bits (NF_CT_STATE_BIT of nf_conntrack_common.h). */
const stateBits = { 1: 'invalid', 2: 'established', 4: 'related', 8: 'new', 64: 'untracked' } as const;

/** The connection of a packet, as connection tracking sees it at this step. */
export interface TracedConnection {
  readonly state: (typeof stateBits)[keyof typeof stateBits] | null;
  /** As `ConntrackEntry.id`; null: the packet has no connection. */
  readonly id: number | null;
  readonly direction: 'original' | 'reply' | null;
  /** Bits of `conntrackStatus`. */
  readonly status: number;
}

export interface PacketHeaders {
  readonly network: Uint8Array;
  /** Empty for packets without one. */
  readonly transport: Uint8Array;
}

/** One decision about a packet. */
export interface TraceEvent {
  /** Equal for all steps of a packet, until it is used again for a later one. */
  readonly id: number;
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  /** `rule`: all of the rule matched; `return`: the chain that a rule jumped to ends; `policy`: the base chain ends. */
  readonly type: 'rule' | 'return' | 'policy';
  /** Null where the chain ends. */
  readonly handle: bigint | null;
  readonly verdict: Verdict;
  /** Only with the first step in a base chain. */
  readonly headers: PacketHeaders | null;
  /** Indexes of interfaces; only with `headers`. Null: none. */
  readonly iif: number | null;
  readonly oif: number | null;
  readonly mark: number;
  /** Null on kernels that do not tell, and before connection tracking. */
  readonly connection: TracedConnection | null;
}

/** Calls back for each step of each traced packet of this network namespace, whoever traces it; see `subscribe`. */
export function watchTraces(
  listen: (event: TraceEvent) => void,
  lost: () => void,
  options: Pick<Subscription, 'receiveBuffer'> = {},
): () => void {
  const groups = [NFNLGRP_NFTRACE];
  const wanted = { protocol: 'NETLINK_NETFILTER', groups, keepsBuffered: true, ...options } as const;
  const message = (message: Message) => {
    const event = readTrace(message);
    if (event !== null) listen(event);
  };
  return subscribe(wanted, message, lost);
}

/** Null for another message, a family of a later kernel, and a step without a verdict. */
export function readTrace(message: Message): TraceEvent | null {
  if (message.type !== nftType('NFT_MSG_TRACE')) return null;
  const family = nftFamilyOf(readNfgenmsg(message).family);
  const { bytes, start, end } = message;
  const read = traceAttributes.read(bytes, start + NFGENMSG, end, 'NFT_MSG_TRACE');
  const type = traceTypes[read.type as keyof typeof traceTypes];
  const code = read.verdict ?? (read.policy === undefined ? undefined : { code: read.policy });
  if (family === null || type === undefined || code === undefined) return null;
  const { networkHeader: network, transportHeader: transport = new Uint8Array(0) } = read;
  return {
    id: read.id ?? 0,
    family,
    table: read.table ?? '',
    chain: read.chain ?? '',
    // The kernel tells the end of a chain without a match as a rule without a handle too.
    type: type === 'rule' && read.rule === undefined ? 'return' : type,
    handle: read.rule ?? null,
    verdict: verdictOf(code),
    headers: network === undefined ? null : { network, transport },
    iif: read.iif ?? null,
    oif: read.oif ?? null,
    mark: read.mark ?? 0,
    connection: read.state === undefined ? null : connectionOf(read.state, read),
  };
}

function connectionOf(
  state: number,
  { conntrackId, direction, status = 0 }: { conntrackId?: number; direction?: number; status?: number },
): TracedConnection {
  return {
    state: stateBits[state as keyof typeof stateBits] ?? null,
    id: conntrackId ?? null,
    direction: direction === undefined ? null : direction === 0 ? 'original' : 'reply',
    status,
  };
}
