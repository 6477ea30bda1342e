/** A view of a conntrack entry in its datagram: addresses become objects only when used. Numbers: entry.ts. */
import type { IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { attributeEnd, NLA_HEADER as HEADER, NLA_TYPE_MASK } from '../attributes.ts';
import { host16, net16, net32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import { type Message, NFGENMSG } from '../messages.ts';
import { AddressTexts } from './address-texts.ts';
import { type ConnectionState, readConnectionState } from './connection-state.ts';
import type { ConntrackEntry, FlowTuple } from './entry.ts';

/** Shared by all views, because many flows have the same addresses. */
const addressTexts = new AddressTexts();
const NOTHING = new Uint8Array(0);

/** One direction of the viewed flow. Protocols without ports have 0 for both. */
export class TupleView {
  sport = 0;
  dport = 0;
  #bytes: Uint8Array = NOTHING;
  #src = 0;
  #dst = 0;
  #length = 0;
  #srcText: IpAddress | null = null;
  #dstText: IpAddress | null = null;
  /** Id, type and code of ICMP, or null. */
  icmp: NonNullable<FlowTuple['icmp']> | null = null;

  get src(): IpAddress {
    this.#srcText ??= this.#address(this.#src);
    return this.#srcText;
  }

  get dst(): IpAddress {
    this.#dstText ??= this.#address(this.#dst);
    return this.#dstText;
  }

  /** Plain data that outlives the datagram. */
  copy(): FlowTuple {
    const { src, dst, sport, dport } = this;
    const ends = { src, dst, sport, dport };
    return this.icmp === null ? ends : { ...ends, icmp: this.icmp };
  }

  /** Moves the view to the attributes of a tuple; returns the protocol number. */
  read(bytes: Uint8Array, start: number, end: number, addressLength: number, name: string): number {
    this.#bytes = bytes;
    this.#length = addressLength;
    this.#src = this.#dst = 0;
    this.#srcText = this.#dstText = this.icmp = null;
    this.sport = this.dport = 0;
    let protocol = -1;
    for (let at = start; at < end; ) {
      const stop = attributeEnd(bytes, at, end, name);
      const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
      if (type === 1) this.#readAddresses(bytes, at + HEADER, stop, name);
      else if (type === 2) protocol = this.#readProtocol(bytes, at + HEADER, stop, name);
      at += (stop - at + 3) & ~3;
    }
    if (this.#src === 0 || this.#dst === 0 || protocol < 0) throw malformed(`${name} is not whole`);
    return protocol;
  }

  #readAddresses(bytes: Uint8Array, start: number, end: number, name: string): void {
    for (let at = start; at < end; ) {
      const stop = attributeEnd(bytes, at, end, name);
      const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
      // CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST
      if (type >= 1 && type <= 4) {
        if (stop - at - HEADER !== this.#length) throw malformed(`${name}: address of ${stop - at - HEADER}`);
        if (type === 1 || type === 3) this.#src = at + HEADER;
        else this.#dst = at + HEADER;
      }
      at += (stop - at + 3) & ~3;
    }
  }

  #readProtocol(bytes: Uint8Array, start: number, end: number, name: string): number {
    let protocol = 0;
    let id = -1;
    let icmpType = 0;
    let code = 0;
    for (let at = start; at < end; ) {
      const stop = attributeEnd(bytes, at, end, name);
      const type = host16(bytes, at + 2) & NLA_TYPE_MASK;
      const short = type === 2 || type === 3 || type === 4 || type === 7; // ports and ICMP ids
      if (type <= 9 && stop - at - HEADER !== (short ? 2 : 1)) {
        throw malformed(`${name}: attribute ${type} of ${stop - at - HEADER} bytes`);
      }
      const value = short ? net16(bytes, at + HEADER) : (bytes[at + HEADER] as number);
      if (type === 1) protocol = value;
      else if (type === 2) this.sport = value;
      else if (type === 3) this.dport = value;
      else if (type === 4 || type === 7) id = value;
      else if (type === 5 || type === 8) icmpType = value;
      else if (type === 6 || type === 9) code = value;
      at += (stop - at + 3) & ~3;
    }
    if (id >= 0) this.icmp = { id, type: icmpType, code };
    return protocol;
  }

  #address(at: number): IpAddress {
    return addressTexts.of(this.#bytes, at, this.#length);
  }
}

/**
 * Shows one entry at a time: `read` moves it to the next message. Its content is valid until the datagram is
 * overwritten or `read` is called again; `copy` makes plain data.
 */
export class FlowView {
  family: Family = 'IPv4';
  protocol = 0;
  readonly original = new TupleView();
  readonly reply = new TupleView();
  status = 0;
  id = 0;
  zone = 0;
  mark = 0;
  timeoutSeconds: number | null = null;
  /** Accounting is on (net.netfilter.nf_conntrack_acct); without it, all counters are 0. */
  counted = false;
  originalPackets = 0;
  originalBytes = 0;
  replyPackets = 0;
  replyBytes = 0;
  /** Milliseconds since the epoch; null unless net.netfilter.nf_conntrack_timestamp is on. */
  startedAt: number | null = null;
  #bytes: Uint8Array = NOTHING;
  #stateFrom = 0;
  #stateTo = 0;

  /** Moves the view to a ctnetlink message. Throws Malformed when a tuple is missing or something is incomplete. */
  read(message: Message): this {
    const { bytes, start, end } = message;
    if (end - start < NFGENMSG) throw malformed('netfilter message without nfgenmsg');
    const family = bytes[start] as number;
    if (family !== familyNumber.IPv4 && family !== familyNumber.IPv6) {
      throw malformed(`conntrack entry of family ${family}`);
    }
    this.family = family === familyNumber.IPv4 ? 'IPv4' : 'IPv6';
    const addressLength = family === familyNumber.IPv4 ? 4 : 16;
    this.status = this.id = this.zone = this.mark = 0;
    this.originalPackets = this.originalBytes = this.replyPackets = this.replyBytes = 0;
    this.timeoutSeconds = this.startedAt = null;
    this.#bytes = bytes;
    this.#stateFrom = this.#stateTo = 0;
    let counters = 0;
    let tuples = 0;
    for (let at = start + NFGENMSG; at < end; ) {
      const stop = attributeEnd(bytes, at, end, 'conntrack');
      const from = at + HEADER;
      switch (host16(bytes, at + 2) & NLA_TYPE_MASK) {
        case 1:
          this.protocol = this.original.read(bytes, from, stop, addressLength, 'CTA_TUPLE_ORIG');
          tuples |= 1;
          break;
        case 2:
          this.reply.read(bytes, from, stop, addressLength, 'CTA_TUPLE_REPLY');
          tuples |= 2;
          break;
        case 3:
          this.status = number32(bytes, from, stop, 'CTA_STATUS');
          break;
        case 4:
          this.#stateFrom = from;
          this.#stateTo = stop;
          break;
        case 7:
          this.timeoutSeconds = number32(bytes, from, stop, 'CTA_TIMEOUT');
          break;
        case 8:
          this.mark = number32(bytes, from, stop, 'CTA_MARK');
          break;
        case 9:
          this.originalPackets = number64(bytes, from, stop, 1, 'CTA_COUNTERS_ORIG');
          this.originalBytes = number64(bytes, from, stop, 2, 'CTA_COUNTERS_ORIG');
          counters |= 1;
          break;
        case 10:
          this.replyPackets = number64(bytes, from, stop, 1, 'CTA_COUNTERS_REPLY');
          this.replyBytes = number64(bytes, from, stop, 2, 'CTA_COUNTERS_REPLY');
          counters |= 2;
          break;
        case 12:
          this.id = number32(bytes, from, stop, 'CTA_ID');
          break;
        case 18:
          if (stop - from !== 2) throw malformed(`CTA_ZONE: ${stop - from} bytes, not 2`);
          this.zone = net16(bytes, from);
          break;
        case 20:
          // CTA_TIMESTAMP_START, in nanoseconds since the epoch
          this.startedAt = Math.round(number64(bytes, from, stop, 1, 'CTA_TIMESTAMP') / 1e6) || null;
          break;
      }
      at += (stop - at + 3) & ~3;
    }
    if (tuples !== 3) throw malformed('conntrack entry without both tuples');
    this.counted = counters === 3;
    return this;
  }

  /** Of both directions; 0 without accounting. */
  get bytes(): number {
    return this.originalBytes + this.replyBytes;
  }

  /** Of both directions; 0 without accounting. */
  get packets(): number {
    return this.originalPackets + this.replyPackets;
  }

  /** How far the connection is. Throws Malformed. */
  get connectionState(): ConnectionState {
    return readConnectionState(this.#bytes, this.#stateFrom, this.#stateTo);
  }

  /** Plain data that outlives the datagram. */
  copy(): ConntrackEntry {
    const { family, protocol, status, id, timeoutSeconds, mark, zone } = this;
    return {
      ...{ family, protocol, original: this.original.copy(), reply: this.reply.copy(), status, id },
      ...{ timeoutSeconds, mark, zone },
      counters: this.counted
        ? {
            original: { packets: BigInt(this.originalPackets), bytes: BigInt(this.originalBytes) },
            reply: { packets: BigInt(this.replyPackets), bytes: BigInt(this.replyBytes) },
          }
        : null,
    };
  }
}

function number32(bytes: Uint8Array, start: number, end: number, name: string): number {
  if (end - start !== 4) throw malformed(`${name}: ${end - start} bytes, not 4`);
  return net32(bytes, start);
}

/** Reads a 64-bit attribute of a nest; exact up to 2^53. 0 when it is missing. */
function number64(bytes: Uint8Array, start: number, end: number, type: number, name: string): number {
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, name);
    if ((host16(bytes, at + 2) & NLA_TYPE_MASK) === type) {
      if (stop - at - HEADER !== 8) throw malformed(`${name}: ${stop - at - HEADER} bytes, not 8`);
      return net32(bytes, at + HEADER) * 2 ** 32 + net32(bytes, at + HEADER + 4);
    }
    at += (stop - at + 3) & ~3;
  }
  return 0;
}
