/** What connection tracking knows of a connection besides its ends: CTA_PROTOINFO of nfnetlink_conntrack.h. */
import { be32, binary, nest, u8 } from '../attributes.ts';

const tcpAttributes = nest({
  state: [1, 'CTA_PROTOINFO_TCP_STATE', u8],
  originalScale: [2, 'CTA_PROTOINFO_TCP_WSCALE_ORIGINAL', u8],
  replyScale: [3, 'CTA_PROTOINFO_TCP_WSCALE_REPLY', u8],
  originalFlags: [4, 'CTA_PROTOINFO_TCP_FLAGS_ORIGINAL', binary],
  replyFlags: [5, 'CTA_PROTOINFO_TCP_FLAGS_REPLY', binary],
});

const sctpAttributes = nest({
  state: [1, 'CTA_PROTOINFO_SCTP_STATE', u8],
  originalTag: [2, 'CTA_PROTOINFO_SCTP_VTAG_ORIGINAL', be32],
  replyTag: [3, 'CTA_PROTOINFO_SCTP_VTAG_REPLY', be32],
});

const protocolInfo = nest({
  tcp: [1, 'CTA_PROTOINFO_TCP', tcpAttributes],
  sctp: [3, 'CTA_PROTOINFO_SCTP', sctpAttributes],
});

/** `enum tcp_conntrack` of nf_conntrack_tcp.h. */
const tcpStates = { CLOSE_WAIT: 5, LAST_ACK: 6, TIME_WAIT: 7, CLOSE: 8 } as const;
/** The sender was the first that closed. */
const IP_CT_TCP_FLAG_CLOSE_INIT = 0x04;
/** `enum sctp_conntrack` of nf_conntrack_sctp.h. */
const SCTP_CONNTRACK_CLOSED = 1;

export interface ConnectionState {
  /** Both ends have closed, or one has reset. */
  readonly isOver: boolean;
  /** TCP: the end that was dialled has closed, and the other end has acknowledged it. */
  readonly hasSaidGoodbye: boolean;
  /** SCTP: the verification tags of packets in each direction; null for other protocols. */
  readonly tags: { readonly original: number; readonly reply: number } | null;
}

const UNKNOWN: ConnectionState = Object.freeze({ isOver: false, hasSaidGoodbye: false, tags: null });

/** @param start of the payload of CTA_PROTOINFO */
export function readConnectionState(bytes: Uint8Array, start: number, end: number): ConnectionState {
  const { tcp, sctp } = protocolInfo.read(bytes, start, end, 'CTA_PROTOINFO');
  if (tcp !== undefined) {
    const { state = 0, replyFlags } = tcp;
    const isReplyFirst = ((replyFlags?.[0] ?? 0) & IP_CT_TCP_FLAG_CLOSE_INIT) !== 0;
    const isAcknowledged = state === tcpStates.CLOSE_WAIT || state === tcpStates.LAST_ACK;
    const isOver = state === tcpStates.TIME_WAIT || state === tcpStates.CLOSE;
    return { isOver, hasSaidGoodbye: isAcknowledged && isReplyFirst, tags: null };
  }
  if (sctp === undefined) return UNKNOWN;
  const { state, originalTag: original = 0, replyTag: reply = 0 } = sctp;
  return { isOver: state === SCTP_CONNTRACK_CLOSED, hasSaidGoodbye: false, tags: { original, reply } };
}
