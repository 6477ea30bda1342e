/**
 * What connection tracking knows of a connection besides its ends: CTA_PROTOINFO of nfnetlink_conntrack.h, read by hand as the rest of
 * an entry (flow-view.ts).
 */
import { attributeEnd, NLA_HEADER, NLA_TYPE_MASK } from '../attributes.ts';
import { host16, net32 } from '../bytes.ts';
import { malformed } from '../errors.ts';

const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_SCTP = 3;
/** Of both protocols. */
const STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
const CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
const CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

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

/** Of most connections: nothing but open. */
const OPEN: ConnectionState = Object.freeze({ isOver: false, hasSaidGoodbye: false, tags: null });

/** @param start of the payload of CTA_PROTOINFO. Throws Malformed. */
export function readConnectionState(bytes: Uint8Array, start: number, end: number): ConnectionState {
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, 'CTA_PROTOINFO');
    const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
    if (type === CTA_PROTOINFO_TCP) return tcpState(bytes, at + NLA_HEADER, stop);
    if (type === CTA_PROTOINFO_SCTP) return sctpState(bytes, at + NLA_HEADER, stop);
    at += (stop - at + 3) & ~3;
  }
  return OPEN;
}

function tcpState(bytes: Uint8Array, start: number, end: number): ConnectionState {
  let state = 0;
  let flags = 0;
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, 'CTA_PROTOINFO_TCP');
    const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
    if (stop === at + NLA_HEADER) throw malformed('CTA_PROTOINFO_TCP: an empty attribute');
    if (type === STATE) state = bytes[at + NLA_HEADER] as number;
    // struct nf_ct_tcp_flags: flags, mask
    else if (type === CTA_PROTOINFO_TCP_FLAGS_REPLY) flags = bytes[at + NLA_HEADER] as number;
    at += (stop - at + 3) & ~3;
  }
  const isOver = state === tcpStates.TIME_WAIT || state === tcpStates.CLOSE;
  const isAcknowledged = state === tcpStates.CLOSE_WAIT || state === tcpStates.LAST_ACK;
  const hasSaidGoodbye = isAcknowledged && (flags & IP_CT_TCP_FLAG_CLOSE_INIT) !== 0;
  return isOver || hasSaidGoodbye ? { isOver, hasSaidGoodbye, tags: null } : OPEN;
}

function sctpState(bytes: Uint8Array, start: number, end: number): ConnectionState {
  let state = 0;
  const tags = { original: 0, reply: 0 };
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, 'CTA_PROTOINFO_SCTP');
    const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
    const length = stop - at - NLA_HEADER;
    if (length < (type === STATE ? 1 : 4)) throw malformed(`CTA_PROTOINFO_SCTP: ${length} bytes`);
    if (type === STATE) state = bytes[at + NLA_HEADER] as number;
    else if (type === CTA_PROTOINFO_SCTP_VTAG_ORIGINAL) tags.original = net32(bytes, at + NLA_HEADER);
    else if (type === CTA_PROTOINFO_SCTP_VTAG_REPLY) tags.reply = net32(bytes, at + NLA_HEADER);
    at += (stop - at + 3) & ~3;
  }
  return { isOver: state === SCTP_CONNTRACK_CLOSED, hasSaidGoodbye: false, tags };
}
