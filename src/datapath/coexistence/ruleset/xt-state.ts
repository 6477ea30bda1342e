import { addressBytes, addressFromBytes, type IpAddress } from '../../../net/address.ts';
import { protocolNumber } from '../../../net/protocol.ts';
import { connectionOf, hasNewDestination, hasNewSource, stateOf } from '../../../netfilter/connection.ts';
import type { PassingPacket } from '../../../netfilter/packet.ts';
import type { Truth } from '../../../netfilter/truth.ts';
import { host16, host32, net16 } from '../../../wire/bytes.ts';
import type { KernelHost } from '../kernel-host.ts';
import { protocolText, ROUTE_TYPES } from './value-text.ts';
import { bang, both, type Condition, inverted, open, portIn, rangeText } from './xt-basic.ts';

/** XT_CONNTRACK_STATE_… of xt_conntrack.h. */
const STATES = [
  [1, 'INVALID'],
  [8, 'NEW'],
  [4, 'RELATED'],
  [2, 'ESTABLISHED'],
  [256, 'UNTRACKED'],
  [64, 'SNAT'],
  [128, 'DNAT'],
] as const;

const BITS = { invalid: 1, established: 2, related: 4, new: 8, untracked: 256 } as const;

/** As conntrack_mt of xt_conntrack.c sees the packet. */
function stateBits(packet: PassingPacket): number {
  const bit = BITS[stateOf(packet)];
  if (packet.tracking !== 'tracked') return bit;
  return bit | (hasNewSource(packet) ? 64 : 0) | (hasNewDestination(packet) ? 128 : 0);
}

const statesText = (mask: number) =>
  STATES.filter(([bit]) => (mask & bit) !== 0)
    .map(([, name]) => name)
    .join(',');

/** `struct xt_state_info`: a mask of states. */
export function stateMatch(info: Uint8Array): Condition {
  const mask = host32(info, 0);
  // 64 is UNTRACKED here: XT_STATE_UNTRACKED is 1 << (IP_CT_NUMBER + 1).
  const wanted = (mask & 15) | ((mask & 64) !== 0 ? 256 : 0);
  return {
    text: `-m state --state ${statesText(wanted)}`,
    holds: (packet) => (stateBits(packet) & wanted) !== 0,
  };
}

/** XT_CONNTRACK_… flags. */
const FLAGS = {
  state: 0x1,
  protocol: 0x2,
  originalSource: 0x4,
  originalDestination: 0x8,
  replySource: 0x10,
  replyDestination: 0x20,
  status: 0x40,
  expires: 0x80,
  originalSourcePort: 0x100,
  originalPort: 0x200,
  replySourcePort: 0x400,
  replyPort: 0x800,
  direction: 0x1000,
} as const;

/** `struct xt_conntrack_mtinfo1` to `3`: they differ in the width of masks and in ranges of ports. */
export function conntrackMatch(revision: number, info: Uint8Array): Condition {
  const flags = host16(info, 146);
  const inverse = host16(info, 148);
  const wide = revision >= 2;
  const states = wide ? host16(info, 150) : (info[150] ?? 0);
  const statuses = wide ? host16(info, 152) : (info[151] ?? 0);
  const has = (flag: number) => (flags & flag) !== 0;
  const isNot = (flag: number) => (inverse & flag) !== 0;
  const conditions: Condition[] = [];
  if (has(FLAGS.state)) {
    const isNegated = isNot(FLAGS.state);
    conditions.push({
      text: `${bang(isNegated)}--ctstate ${statesText(states)}`,
      holds: (packet) => inverted((stateBits(packet) & states) !== 0, isNegated),
    });
  }
  const tracked = (holds: (packet: PassingPacket) => Truth) => (packet: PassingPacket) =>
    packet.tracking === 'tracked' ? holds(packet) : false;
  if (has(FLAGS.protocol)) {
    const isNegated = isNot(FLAGS.protocol);
    const number = host16(info, 136);
    conditions.push({
      text: `${bang(isNegated)}--ctproto ${protocolText(number)}`,
      holds: tracked((packet) =>
        inverted(protocolNumber[connectionOf(packet).protocol] === number, isNegated),
      ),
    });
  }
  const address = (
    flag: number,
    option: string,
    at: number,
    of: (packet: PassingPacket) => IpAddress | null,
  ) => {
    if (!has(flag)) return;
    const isNegated = isNot(flag);
    conditions.push({
      text: `${bang(isNegated)}--${option} ${prefixText(info, at)}`,
      holds: tracked((packet) => {
        const own = of(packet);
        if (own === null) return 'the source address after translation';
        const bytes = addressBytes(own);
        const isIn = bytes.every(
          (byte, i) => ((byte ^ (info[at + i] ?? 0)) & (info[at + 16 + i] ?? 0)) === 0,
        );
        return inverted(isIn, isNegated);
      }),
    });
  };
  address(FLAGS.originalSource, 'ctorigsrc', 0, (packet) => connectionOf(packet).original.source);
  address(FLAGS.originalDestination, 'ctorigdst', 32, (packet) => connectionOf(packet).original.destination);
  address(FLAGS.replySource, 'ctreplsrc', 64, (packet) => connectionOf(packet).reply.source);
  address(FLAGS.replyDestination, 'ctrepldst', 96, (packet) => connectionOf(packet).reply.destination);
  if (has(FLAGS.status)) {
    const isNegated = isNot(FLAGS.status);
    // Of a first packet: expected is RELATED, others come with the reply; confirmed is what the node has sent to itself.
    conditions.push({
      text: `${bang(isNegated)}--ctstatus 0x${statuses.toString(16)}`,
      holds: tracked((packet) => {
        if (stateOf(packet) !== 'new' || (statuses & ~0xf) !== 0) return 'the status of the connection';
        return ((statuses & 8) !== 0 && packet.isConfirmed === true) !== isNegated;
      }),
    });
  }
  if (has(FLAGS.expires)) conditions.push(open('--ctexpire …', 'how long the connection still lasts'));
  const port = (
    flag: number,
    option: string,
    index: number,
    of: (packet: PassingPacket) => number | null,
  ) => {
    if (!has(flag)) return;
    const isNegated = isNot(flag);
    const at = 138 + 2 * index;
    const first = revision >= 3 ? host16(info, at) : net16(info, at);
    const last = revision >= 3 ? host16(info, 154 + 2 * index) : first;
    conditions.push({
      text: `${bang(isNegated)}--${option} ${rangeText(first, last)}`,
      holds: tracked((packet) => inverted(portIn(of(packet), first, last, 'translated'), isNegated)),
    });
  };
  port(FLAGS.originalSourcePort, 'ctorigsrcport', 0, (packet) => connectionOf(packet).original.sourcePort);
  port(FLAGS.originalPort, 'ctorigdstport', 1, (packet) => connectionOf(packet).original.port);
  port(FLAGS.replySourcePort, 'ctreplsrcport', 2, (packet) => connectionOf(packet).reply.sourcePort);
  port(FLAGS.replyPort, 'ctrepldstport', 3, (packet) => connectionOf(packet).reply.port);
  if (has(FLAGS.direction)) {
    const isNegated = isNot(FLAGS.direction);
    conditions.push({
      text: `--ctdir ${isNegated ? 'REPLY' : 'ORIGINAL'}`,
      holds: tracked((packet) => (connectionOf(packet).direction === 'original') !== isNegated),
    });
  }
  return both('conntrack', conditions);
}

function prefixText(info: Uint8Array, at: number): string {
  const isShort =
    info.subarray(at + 20, at + 32).every((byte) => byte === 0) &&
    info.subarray(at + 4, at + 16).every((byte) => byte === 0);
  const width = isShort ? 4 : 16;
  const ones = [...info.subarray(at + 16, at + 16 + width)]
    .map((byte) => byte.toString(2).replaceAll('0', '').length)
    .reduce((sum, count) => sum + count, 0);
  const address = addressFromBytes(info.subarray(at, at + width));
  return ones === width * 8 ? address : `${address}/${ones}`;
}

/** `struct xt_addrtype_info` and `_v1`: masks of 1 << RTN_…, and flags; revision 0 has two numbers for negation. */
export function addressTypeMatch(revision: number, info: Uint8Array, host: KernelHost): Condition {
  const source = host16(info, 0);
  const destination = host16(info, 2);
  const flags =
    revision === 0 ? (host32(info, 4) !== 0 ? 1 : 0) | (host32(info, 8) !== 0 ? 2 : 0) : host32(info, 4);
  const limited = flags & 0xc;
  const conditions: Condition[] = [];
  const of = (
    option: string,
    mask: number,
    isNegated: boolean,
    pick: (packet: PassingPacket) => IpAddress | null,
  ) => {
    if (mask === 0) return;
    const names = ROUTE_TYPES.filter((_, type) => (mask & (1 << type)) !== 0).map((name) =>
      name.toUpperCase(),
    );
    conditions.push({
      text: `${bang(isNegated)}--${option} ${names.join(',')}`,
      holds: (packet) => {
        const address = pick(packet);
        // A translated source that is not known is one of the host's own.
        const type = address === null ? 'local' : host.localType(address);
        const isIt =
          type === null ? 'the type of the address' : (mask & (1 << ROUTE_TYPES.indexOf(type))) !== 0;
        return limited === 0 ? inverted(isIt, isNegated) : 'the type of the address at one interface';
      },
    });
  };
  of('src-type', source, (flags & 1) !== 0, (packet) => packet.source);
  of('dst-type', destination, (flags & 2) !== 0, (packet) => packet.destination);
  const limits = [
    ...((limited & 4) !== 0 ? ['--limit-iface-in'] : []),
    ...((limited & 8) !== 0 ? ['--limit-iface-out'] : []),
  ];
  const all = both('addrtype', conditions);
  return { ...all, text: [all.text, ...limits].join(' ') };
}
