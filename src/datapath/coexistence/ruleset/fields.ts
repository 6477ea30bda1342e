import { addressBytes } from '../../../net/address.ts';
import { protocolNumber } from '../../../net/protocol.ts';
import { connectionOf, hasNewDestination, hasNewSource, stateOf } from '../../../netfilter/connection.ts';
import type { Interface, PassingPacket } from '../../../netfilter/packet.ts';
import { conntrackStatus } from '../../../wire/conntrack/entry.ts';
import { familyNumber } from '../../../wire/family-number.ts';
import { type Bits, hostBits, knownBits, markBits, netBits, unknownBits } from './bits.ts';
import { portBits } from './header-fields.ts';
import type { Operand } from './operand.ts';
import type { ValueType } from './value-text.ts';

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
const STATES = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
const REPLY = 1;

/** A field of `ct`: `enum nft_ct_keys`. @param direction `enum ip_conntrack_dir` */
export function conntrackField(key: number, direction: number | undefined): Operand {
  const side = direction === REPLY ? 'reply ' : direction === undefined ? '' : 'original ';
  const found = CONNTRACK_FIELDS[key];
  const [name, type, length] = found ?? [`key ${key}`, 'number', 4];
  const text = `ct ${side}${name}`;
  if (key === 0) {
    return { text, type, length, read: (packet) => hostBits(STATES[stateOf(packet)]) };
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
  const { family } = packet;
  const { original, reply, protocol, direction } = connectionOf(packet);
  const ends = isReply ? reply : original;
  switch (key) {
    case 1:
      return netBits(direction === 'original' ? 0 : 1, 1);
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
      return portBits(ends.sourcePort, 'source');
    case 12:
      return portBits(ends.port, 'destination');
    default:
      return null;
  }
}

const { IPS_DST_NAT, IPS_SRC_NAT, IPS_CONFIRMED } = conntrackStatus;
/** Seen a reply, assured, confirmed: what is known of the first packet. IPS_… of nf_conntrack_common.h. */
const OF_FIRST = 0x2 | 0x4 | 0x8;

function statusBits(packet: PassingPacket): Bits {
  const isFirst = stateOf(packet) === 'new';
  const value =
    (hasNewDestination(packet) ? IPS_DST_NAT : 0) |
    (hasNewSource(packet) ? IPS_SRC_NAT : 0) |
    (packet.isConfirmed === true ? IPS_CONFIRMED : 0);
  return {
    bytes: hostBits(value).bytes,
    known: hostBits(IPS_DST_NAT | IPS_SRC_NAT | (isFirst ? OF_FIRST : 0)).bytes,
    why: 'the status of the connection',
  };
}
