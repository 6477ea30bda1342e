import { addressBytes } from '../../../net/address.ts';
import { protocolNumber } from '../../../net/protocol.ts';
import {
  hasNewDestination,
  hasNewSource,
  type Interface,
  type PassingPacket,
} from '../../../netfilter/packet.ts';
import { conntrackStatus } from '../../../wire/conntrack/entry.ts';
import { familyNumber } from '../../../wire/family-number.ts';
import { type Bits, hostBits, knownBits, markBits, netBits, part, unknownBits } from './bits.ts';
import type { ValueType } from './value-text.ts';

/** What a rule loads into a register. */
export interface Operand {
  /** As nft writes it: `ip saddr`, `meta mark`. */
  readonly text: string;
  readonly type: ValueType;
  readonly length: number;
  /** Only these bits are left of it. */
  readonly mask?: Uint8Array;
  /** Null: it cannot be loaded, and the rule does not match. */
  read(packet: PassingPacket): Bits | null;
}

/** `enum nft_payload_bases`. */
const NETWORK = 1;
const TRANSPORT = 2;

/** A part of the packet's header: `enum nft_payload_bases`, offset and length in bytes. */
export function payloadField(base: number, offset: number, length: number): Operand {
  for (const field of HEADER_FIELDS) {
    if (field.base !== base || offset < field.offset || offset + length > field.offset + field.length)
      continue;
    const isPart = offset !== field.offset || length !== field.length;
    // One offset means another field in each family: the rule has asked for the family before.
    const read = (packet: PassingPacket) => {
      const same = HEADER_FIELDS.find(
        (one) =>
          one.base === base &&
          offset >= one.offset &&
          offset + length <= one.offset + one.length &&
          (one.family === null || one.family === packet.family),
      );
      if (same === undefined) return unknownBits(length, `what stands at byte ${offset} of the header`);
      return part(same.read(packet), offset - same.offset, length);
    };
    const type = isPart && field.type !== 'address' ? 'bytes' : field.type;
    return { text: field.text, type, length, read };
  }
  const where = base === NETWORK ? 'nh' : base === TRANSPORT ? 'th' : base === 0 ? 'll' : 'ih';
  const text = `@${where},${offset * 8},${length * 8}`;
  return { text, type: 'bytes', length, read: () => unknownBits(length, `the bytes ${text} of the packet`) };
}

interface HeaderField {
  readonly base: number;
  readonly family: PassingPacket['family'] | null;
  readonly offset: number;
  readonly length: number;
  readonly text: string;
  readonly type: ValueType;
  read(packet: PassingPacket): Bits;
}

const port = (number: number | null, what: string) =>
  number === null ? unknownBits(2, `the ${what} port`) : netBits(number, 2);

const sourceAddress = ({ source, family }: PassingPacket) =>
  source === null
    ? unknownBits(family === 'IPv4' ? 4 : 16, 'the source address after translation')
    : knownBits(addressBytes(source));

const HEADER_FIELDS: readonly HeaderField[] = [
  {
    base: NETWORK,
    family: 'IPv4',
    offset: 12,
    length: 4,
    text: 'ip saddr',
    type: 'address',
    read: sourceAddress,
  },
  {
    base: NETWORK,
    family: 'IPv4',
    offset: 16,
    length: 4,
    text: 'ip daddr',
    type: 'address',
    read: ({ destination }) => knownBits(addressBytes(destination)),
  },
  {
    base: NETWORK,
    family: 'IPv4',
    offset: 9,
    length: 1,
    text: 'ip protocol',
    type: 'protocol',
    read: ({ protocol }) => netBits(protocolNumber[protocol], 1),
  },
  {
    base: NETWORK,
    family: 'IPv6',
    offset: 8,
    length: 16,
    text: 'ip6 saddr',
    type: 'address',
    read: sourceAddress,
  },
  {
    base: NETWORK,
    family: 'IPv6',
    offset: 24,
    length: 16,
    text: 'ip6 daddr',
    type: 'address',
    read: ({ destination }) => knownBits(addressBytes(destination)),
  },
  {
    base: NETWORK,
    family: 'IPv6',
    offset: 6,
    length: 1,
    text: 'ip6 nexthdr',
    type: 'protocol',
    read: ({ protocol }) => netBits(protocolNumber[protocol], 1),
  },
  {
    base: TRANSPORT,
    family: null,
    offset: 0,
    length: 2,
    text: 'th sport',
    type: 'port',
    read: ({ sourcePort }) => port(sourcePort, 'source'),
  },
  {
    base: TRANSPORT,
    family: null,
    offset: 2,
    length: 2,
    text: 'th dport',
    type: 'port',
    read: (packet) => port(packet.port, 'destination'),
  },
  {
    base: TRANSPORT,
    family: null,
    offset: 13,
    length: 1,
    text: 'tcp flags',
    type: 'bytes',
    // The first packet of a connection: SYN, perhaps with the two bits of ECN.
    read: ({ protocol }) =>
      protocol === 'TCP'
        ? { bytes: Uint8Array.of(0x02), known: Uint8Array.of(0x3f), why: 'the ECN flags of the packet' }
        : unknownBits(1, 'the content of the packet'),
  },
];

/** A field of `meta`: `enum nft_meta_keys`. */
export function metaField(key: number): Operand {
  const known = META_FIELDS[key];
  if (known !== undefined) return known;
  const text = `meta ${META_NAMES[key] ?? key}`;
  const length = META_LENGTHS[key] ?? 4;
  return { text, type: 'number', length, read: () => unknownBits(length, text) };
}

const interfaceName = (iface: Interface | null | undefined, which: string): Bits => {
  if (iface === undefined) return unknownBits(16, `the ${which} interface`);
  const bytes = new Uint8Array(16);
  new TextEncoder().encodeInto(iface?.name ?? '', bytes.subarray(0, 15));
  return knownBits(bytes);
};
const interfaceIndex = (iface: Interface | null | undefined, which: string): Bits =>
  iface === undefined ? unknownBits(4, `the ${which} interface`) : hostBits(iface?.index ?? 0);

const ETHERTYPES = { IPv4: 0x0800, IPv6: 0x86dd } as const;

const META_FIELDS: Readonly<Record<number, Operand>> = {
  1: {
    text: 'meta protocol',
    type: 'bytes',
    length: 2,
    read: ({ family }) => netBits(ETHERTYPES[family], 2),
  },
  3: { text: 'meta mark', type: 'mark', length: 4, read: ({ mark }) => markBits(mark) },
  4: { text: 'iif', type: 'number', length: 4, read: ({ input }) => interfaceIndex(input, 'incoming') },
  5: { text: 'oif', type: 'number', length: 4, read: ({ output }) => interfaceIndex(output, 'outgoing') },
  6: { text: 'iifname', type: 'name', length: 16, read: ({ input }) => interfaceName(input, 'incoming') },
  7: { text: 'oifname', type: 'name', length: 16, read: ({ output }) => interfaceName(output, 'outgoing') },
  15: {
    text: 'meta nfproto',
    type: 'family',
    length: 1,
    read: ({ family }) => netBits(familyNumber[family], 1),
  },
  16: {
    text: 'meta l4proto',
    type: 'protocol',
    length: 1,
    read: ({ protocol }) => netBits(protocolNumber[protocol], 1),
  },
  /** PACKET_HOST of if_packet.h: what is routed or sent by this host. */
  19: { text: 'meta pkttype', type: 'bytes', length: 1, read: () => netBits(0, 1) },
};

/** Bytes of the fields that are not read, where they are not 4: names of bridges and kinds of interfaces, the time. */
const META_LENGTHS: Readonly<Record<number, number>> = { 17: 16, 18: 16, 26: 16, 27: 16, 30: 8 };

const META_NAMES: Readonly<Record<number, string>> = {
  0: 'length',
  2: 'priority',
  8: 'iiftype',
  9: 'oiftype',
  10: 'skuid',
  11: 'skgid',
  13: 'rtclassid',
  17: 'ibrname',
  18: 'obrname',
  20: 'cpu',
  21: 'iifgroup',
  22: 'oifgroup',
  23: 'cgroup',
  24: 'random',
  25: 'ipsec',
  26: 'iifkind',
  27: 'oifkind',
  30: 'time',
};

/** `NF_CT_STATE_BIT`: invalid 1, established 2, related 4, new 8, untracked 64. */
const STATES = { before: 1, tracked: 8, untracked: 64 } as const;
const REPLY = 1;

/** A field of `ct`: `enum nft_ct_keys`. @param direction `enum ip_conntrack_dir` */
export function conntrackField(key: number, direction: number | undefined): Operand {
  const side = direction === REPLY ? 'reply ' : direction === undefined ? '' : 'original ';
  const found = CONNTRACK_FIELDS[key];
  const [name, type, length] = found ?? [`key ${key}`, 'number', 4];
  const text = `ct ${side}${name}`;
  if (key === 0) {
    return { text, type, length, read: ({ tracking }) => hostBits(STATES[tracking]) };
  }
  const read = (packet: PassingPacket): Bits | null => {
    if (packet.tracking !== 'tracked') return null; // there is no connection to ask
    return connectionBits(packet, key, direction === REPLY) ?? unknownBits(length, text);
  };
  return { text, type, length, read };
}

const CONNTRACK_FIELDS: Readonly<Record<number, readonly [string, ValueType, number]>> = {
  0: ['state', 'state', 4],
  1: ['direction', 'bytes', 1],
  2: ['status', 'status', 4],
  3: ['mark', 'mark', 4],
  5: ['expiration', 'number', 4],
  6: ['helper', 'name', 16],
  7: ['l3proto', 'family', 1],
  8: ['saddr', 'address', 16],
  9: ['daddr', 'address', 16],
  10: ['protocol', 'protocol', 1],
  11: ['proto-src', 'port', 2],
  12: ['proto-dst', 'port', 2],
  13: ['label', 'bytes', 16],
  14: ['packets', 'number', 8],
  15: ['bytes', 'number', 8],
  16: ['avgpkt', 'number', 8],
  17: ['zone', 'number', 2],
  19: ['ip saddr', 'address', 4],
  20: ['ip daddr', 'address', 4],
  21: ['ip6 saddr', 'address', 16],
  22: ['ip6 daddr', 'address', 16],
};

/** Null: not known. */
function connectionBits(packet: PassingPacket, key: number, isReply: boolean): Bits | null {
  const { original, family, protocol } = packet;
  const ends = isReply
    ? { source: packet.destination, destination: packet.source, from: packet.port, to: packet.sourcePort }
    : {
        source: original.source,
        destination: original.destination,
        from: original.sourcePort,
        to: original.port,
      };
  switch (key) {
    case 1:
      return netBits(0, 1);
    case 2:
      return statusBits(packet);
    case 3:
      return { ...markBits(packet.connectionMark), why: 'the mark of the connection' };
    case 7:
      return netBits(familyNumber[family], 1);
    case 8:
    case 19:
    case 21:
      return ends.source === null ? null : knownBits(addressBytes(ends.source));
    case 9:
    case 20:
    case 22:
      return ends.destination === null ? null : knownBits(addressBytes(ends.destination));
    case 10:
      return netBits(protocolNumber[protocol], 1);
    case 11:
      return port(ends.from, 'source');
    case 12:
      return port(ends.to, 'destination');
    default:
      return null;
  }
}

const { IPS_DST_NAT, IPS_SRC_NAT } = conntrackStatus;
/** Seen a reply, assured, confirmed: not yet for the first packet. IPS_… of nf_conntrack_common.h. */
const NOT_YET = 0x2 | 0x4 | 0x8;

function statusBits(packet: PassingPacket): Bits {
  const value = (hasNewDestination(packet) ? IPS_DST_NAT : 0) | (hasNewSource(packet) ? IPS_SRC_NAT : 0);
  return {
    bytes: hostBits(value).bytes,
    known: hostBits(IPS_DST_NAT | IPS_SRC_NAT | NOT_YET).bytes,
    why: 'the status of the connection',
  };
}
