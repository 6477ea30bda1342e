import { addressBytes } from '../../../net/address.ts';
import type { Family } from '../../../net/family.ts';
import { hasPorts, protocolNumber } from '../../../net/protocol.ts';
import { stateOf } from '../../../netfilter/connection.ts';
import type { PassingPacket } from '../../../netfilter/packet.ts';
import { type Bits, netBits, unknownBits } from './bits.ts';
import type { Operand } from './operand.ts';
import type { ValueType } from './value-text.ts';

/** `enum nft_payload_bases`. */
const LINK = 0;
const NETWORK = 1;
const TRANSPORT = 2;

/** How rules name the parts of headers that they load: base, family, first byte, number of bytes. */
const NAMES: readonly (readonly [
  base: number,
  family: Family | null,
  offset: number,
  length: number,
  text: string,
  type: ValueType,
])[] = [
  [NETWORK, 'IPv4', 12, 4, 'ip saddr', 'address'],
  [NETWORK, 'IPv4', 16, 4, 'ip daddr', 'address'],
  [NETWORK, 'IPv4', 9, 1, 'ip protocol', 'protocol'],
  [NETWORK, 'IPv6', 8, 16, 'ip6 saddr', 'address'],
  [NETWORK, 'IPv6', 24, 16, 'ip6 daddr', 'address'],
  [NETWORK, 'IPv6', 6, 1, 'ip6 nexthdr', 'protocol'],
  [TRANSPORT, 'IPv4', 0, 1, 'icmp type', 'byte'],
  [TRANSPORT, 'IPv4', 1, 1, 'icmp code', 'byte'],
  [TRANSPORT, 'IPv6', 0, 1, 'icmpv6 type', 'byte'],
  [TRANSPORT, 'IPv6', 1, 1, 'icmpv6 code', 'byte'],
  [TRANSPORT, null, 0, 2, 'th sport', 'port'],
  [TRANSPORT, null, 2, 2, 'th dport', 'port'],
  [TRANSPORT, null, 0, 4, 'th sport . th dport', 'bytes'],
  [TRANSPORT, null, 13, 1, 'tcp flags', 'bytes'],
];

/**
 * A part of the packet's header: `enum nft_payload_bases`, offset and length in bytes. nft loads fields that are neighbours at once.
 * @param family of the packets
 */
export function payloadField(base: number, offset: number, length: number, family: Family): Operand {
  const named = NAMES.find(
    ([at, of, first, bytes]) =>
      at === base && (of ?? family) === family && offset >= first && offset + length <= first + bytes,
  );
  const where = base === NETWORK ? 'nh' : base === TRANSPORT ? 'th' : base === LINK ? 'll' : 'ih';
  const [, , first, bytes, text, type] = named ?? [
    0,
    null,
    offset,
    length,
    `@${where},${offset * 8},${length * 8}`,
    'bytes',
  ];
  const isPart = offset !== first || length !== bytes;
  const pieces =
    base === NETWORK ? networkPieces : base === TRANSPORT ? transportPieces : (): readonly Piece[] => [];
  return {
    text,
    type: isPart && type !== 'address' ? 'bytes' : type,
    length,
    read: (packet) => cut(pieces(packet), offset, length, `the bytes ${text} of the packet`),
  };
}

/** Bytes of a header from this one on. */
type Piece = readonly [offset: number, bits: Bits];

/** Of these bytes what the pieces know. @param why for bytes in no piece */
function cut(pieces: readonly Piece[], offset: number, length: number, why: string): Bits {
  const bytes = new Uint8Array(length);
  const known = new Uint8Array(length);
  let open: string | null = null;
  for (const [start, bits] of pieces) {
    for (let at = 0; at < bits.bytes.length; at++) {
      const to = start + at - offset;
      if (to < 0 || to >= length) continue;
      bytes[to] = bits.bytes[at] ?? 0;
      known[to] = bits.known?.[at] ?? 0xff;
      if (known[to] !== 0xff) open ??= bits.why;
    }
  }
  const isKnown = known.every((byte) => byte === 0xff);
  return { bytes, known: isKnown ? null : known, why: isKnown ? '' : (open ?? why) };
}

function networkPieces({ family, source, destination, protocol }: PassingPacket): readonly Piece[] {
  const isShort = family === 'IPv4';
  const from =
    source === null
      ? unknownBits(isShort ? 4 : 16, 'the source address after translation')
      : { bytes: addressBytes(source), known: null, why: '' };
  const to = { bytes: addressBytes(destination), known: null, why: '' };
  const inner = netBits(protocolNumber[protocol], 1);
  return isShort
    ? [
        [9, inner],
        [12, from],
        [16, to],
      ]
    : [
        [6, inner],
        [8, from],
        [24, to],
      ];
}

/** The first segment of a connection: SYN, perhaps with the two bits of ECN. */
const SYN: Bits = {
  bytes: Uint8Array.of(0x02),
  known: Uint8Array.of(0x3f),
  why: 'the ECN flags of the packet',
};

function transportPieces(packet: PassingPacket): readonly Piece[] {
  const { protocol, sourcePort, port, icmp } = packet;
  if (!hasPorts(protocol)) {
    if (icmp === undefined) return [];
    const code = icmp.code === null ? unknownBits(1, 'the code of the ICMP packet') : netBits(icmp.code, 1);
    return [
      [0, netBits(icmp.type, 1)],
      [1, code],
    ];
  }
  const flags = stateOf(packet) === 'established' ? unknownBits(1, 'the flags of the segment') : SYN;
  return [
    [0, portBits(sourcePort, 'source')],
    [2, portBits(port, 'destination')],
    ...(protocol === 'TCP' ? ([[13, flags]] as const) : []),
  ];
}

export function portBits(number: number | null, which: 'source' | 'destination'): Bits {
  return number === null ? unknownBits(2, `the ${which} port`) : netBits(number, 2);
}
