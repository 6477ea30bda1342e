/**
 * Netlink messages (include/uapi/linux/netlink.h, `struct nlmsghdr`).
 *
 * Framing: 4 bytes length (with header), 2 bytes type, 2 bytes flags, 4 bytes sequence number, 4 bytes port id, all in
 * host byte order; payload; zeros to a multiple of 4. One datagram holds many messages. A netfilter payload starts with
 * `struct nfgenmsg`: family, version 0, and a resource id in network byte order.
 *
 * All functions are pure. A `Message` is a view of its datagram and valid as long as that buffer.
 */
import { nest, string, u32 } from './attributes.ts';
import { type ByteWriter, host16, host32, net16, putHost32 } from './bytes.ts';
import { type Complaint, errnoName, malformed } from './errors.ts';

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const MESSAGE_HEADER = 16;
export const NFGENMSG = 4;

/** One message of a datagram; the payload is `bytes` from `start` to before `end`. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Notifications: the port id of the socket whose request caused it; 0 for the kernel itself. */
  readonly portId: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The messages of a datagram, in order. */
export function* messagesOf(bytes: Uint8Array): Generator<Message, void, undefined> {
  for (let message = messageAt(bytes, 0); message !== null; message = messageAt(bytes, nextAfter(message))) {
    yield message;
  }
}

/** The message that begins here; null behind the last one. */
export function messageAt(bytes: Uint8Array, at: number): Message | null {
  const left = bytes.length - at;
  if (left <= 0) return null;
  if (left < MESSAGE_HEADER) throw malformed(`${left} bytes are left, a message has ${MESSAGE_HEADER}`);
  const length = host32(bytes, at);
  if (length < MESSAGE_HEADER || length > left) throw malformed(`message of ${length} bytes in ${left}`);
  return {
    type: host16(bytes, at + 4),
    flags: host16(bytes, at + 6),
    sequence: host32(bytes, at + 8),
    portId: host32(bytes, at + 12),
    bytes,
    start: at + MESSAGE_HEADER,
    end: at + length,
  };
}

/** Where the message behind this one begins. */
export function nextAfter({ start, end }: Message): number {
  return start - MESSAGE_HEADER + ((end - start + MESSAGE_HEADER + 3) & ~3);
}

/** Starts a message; pass the result to `endMessage`. */
export function beginMessage(writer: ByteWriter, type: number, flags: number, sequence: number): number {
  const start = writer.length;
  writer.host32(0);
  writer.host16(type);
  writer.host16(flags);
  writer.host32(sequence);
  writer.host32(0);
  return start;
}

/** Sets the length of the message that starts at `start`. */
export function endMessage(writer: ByteWriter, start: number): void {
  putHost32(writer.bytes, start, writer.length - start);
  writer.align();
}

export function writeNfgenmsg(writer: ByteWriter, family: number, resourceId = 0): void {
  writer.u8(family);
  writer.u8(0);
  writer.net16(resourceId);
}

/** Reads the `struct nfgenmsg` at the start of a netfilter payload. */
export function readNfgenmsg(message: Message): { readonly family: number; readonly resourceId: number } {
  if (message.end - message.start < NFGENMSG) throw malformed('netfilter message without nfgenmsg');
  return {
    family: message.bytes[message.start] as number,
    resourceId: net16(message.bytes, message.start + 2),
  };
}

const nlmsgerrAttributes = nest({
  message: [1, 'NLMSGERR_ATTR_MSG', string],
  offset: [2, 'NLMSGERR_ATTR_OFFS', u32],
  missingNest: [5, 'NLMSGERR_ATTR_MISS_NEST', u32],
  missingType: [6, 'NLMSGERR_ATTR_MISS_TYPE', u32],
});

/**
 * Reads NLMSG_ERROR or NLMSG_DONE; null for success. NLMSG_ERROR carries the negative errno, the header of the request
 * (the whole request unless NLM_F_CAPPED), and attributes with NLM_F_ACK_TLVS; NLMSG_DONE carries the errno of the dump
 * and attributes.
 */
export function complaintOf(message: Message): Complaint | null {
  const { bytes, start, end, flags } = message;
  if (message.type === NLMSG_DONE && end - start < 4) return null;
  if (end - start < 4) throw malformed('NLMSG_ERROR without an error number');
  const errno = -(host32(bytes, start) | 0);
  if (errno === 0) return null;
  let at = start + 4;
  if (message.type === NLMSG_ERROR) {
    if (end - at < MESSAGE_HEADER) throw malformed('NLMSG_ERROR without the request');
    const request = (flags & NLM_F_CAPPED) !== 0 ? MESSAGE_HEADER : (host32(bytes, at) + 3) & ~3;
    at += request;
  }
  const hasAttributes = (flags & NLM_F_ACK_TLVS) !== 0 && at < end;
  const said = hasAttributes ? nlmsgerrAttributes.read(bytes, at, end, 'nlmsgerr') : {};
  const missing = said.missingType === undefined ? null : `attribute ${said.missingType} is missing`;
  return {
    errno: errnoName(errno),
    extendedAck: said.message ?? missing,
    offset: said.offset ?? said.missingNest ?? null,
  };
}
