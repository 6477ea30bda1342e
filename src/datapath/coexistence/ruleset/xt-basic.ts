import { addressBytes, addressFromBytes } from '../../../net/address.ts';
import { stateOf } from '../../../netfilter/connection.ts';
import type { PassingPacket } from '../../../netfilter/packet.ts';
import { every, not, some, type Truth } from '../../../netfilter/truth.ts';
import { host16, host32 } from '../../../wire/bytes.ts';

/** A condition of iptables: how `iptables-save` writes it, and whether it holds. */
export interface Condition {
  readonly text: string;
  holds(packet: PassingPacket): Truth;
}

/** A match or target of iptables as the kernel has it, in nf_tables and in legacy tables alike: `struct xt_entry_match`. */
export interface XtPart {
  readonly name: string;
  readonly revision: number;
  readonly info: Uint8Array;
}

export function bang(isNegated: boolean): string {
  return isNegated ? '! ' : '';
}

export function inverted(truth: Truth, isNegated: boolean): Truth {
  return isNegated ? not(truth) : truth;
}

/** All conditions of one match. */
export function both(module: string, conditions: readonly Condition[]): Condition {
  return {
    text: [`-m ${module}`, ...conditions.map(({ text }) => text)].join(' '),
    holds: (packet) => every(conditions.map((condition) => condition.holds(packet))),
  };
}

/** A match that nothing decides beforehand. */
export function open(text: string, dependsOn: string): Condition {
  return { text, holds: () => dependsOn };
}

export function portIn(port: number | null, first: number, last: number, which: string): Truth {
  if (first === 0 && last === 65535) return true;
  return port === null ? `the ${which} port` : port >= first && port <= last;
}

export function rangeText(first: number, last: number): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** xt_tcpudp.h: `struct xt_tcp`, `struct xt_udp`; numbers in host byte order. */
export function tcpOrUdp(module: 'tcp' | 'udp', info: Uint8Array): Condition {
  const [sourceFirst, sourceLast, first, last] = [0, 2, 4, 6].map((at) => host16(info, at)) as [
    number,
    number,
    number,
    number,
  ];
  const isTcp = module === 'tcp';
  const inverse = info[isTcp ? 11 : 8] ?? 0;
  const conditions: Condition[] = [];
  if (sourceFirst !== 0 || sourceLast !== 65535 || (inverse & 1) !== 0) {
    conditions.push(portCondition('sport', sourceFirst, sourceLast, (inverse & 1) !== 0));
  }
  if (first !== 0 || last !== 65535 || (inverse & 2) !== 0) {
    conditions.push(portCondition('dport', first, last, (inverse & 2) !== 0));
  }
  if (isTcp && (info[9] ?? 0) !== 0)
    conditions.push(tcpFlags(info[9] ?? 0, info[10] ?? 0, (inverse & 4) !== 0));
  if (isTcp && (info[8] ?? 0) !== 0) {
    conditions.push(
      open(`${bang((inverse & 8) !== 0)}--tcp-option ${info[8]}`, 'the options of the segment'),
    );
  }
  return both(module, conditions);
}

export function portCondition(
  option: 'sport' | 'dport',
  first: number,
  last: number,
  isNegated: boolean,
): Condition {
  const which = option === 'sport' ? 'source' : 'destination';
  return {
    text: `${bang(isNegated)}--${option} ${rangeText(first, last)}`,
    holds: ({ sourcePort, port }) =>
      inverted(portIn(option === 'sport' ? sourcePort : port, first, last, which), isNegated),
  };
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;
const SYN = 0x02;
const ECN = 0xc0;

/** Of the first segment of a connection. */
function tcpFlags(mask: number, wanted: number, isNegated: boolean): Condition {
  const names = (bits: number) => TCP_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0).join(',') || 'NONE';
  return {
    text: `${bang(isNegated)}--tcp-flags ${names(mask)} ${names(wanted)}`,
    holds: (packet) => {
      if (stateOf(packet) === 'established') return 'the flags of the segment';
      const sure = mask & ~ECN;
      if ((SYN & sure) !== (wanted & sure)) return isNegated;
      return (mask & ECN) === 0 ? !isNegated : 'the ECN flags of the segment';
    },
  };
}

/** `struct xt_multiport_v1`: flags, count, 15 ports in host byte order, 15 marks of the first port of a range, invert. */
export function multiport(info: Uint8Array): Condition {
  const isNegated = info[47] !== 0;
  const spans: { readonly first: number; readonly last: number }[] = [];
  for (let index = 0; index < Math.min(15, info[1] ?? 0); index++) {
    const first = host16(info, 2 + 2 * index);
    if (info[32 + index] !== 0 && index < 14) {
      index++;
      spans.push({ first, last: host16(info, 2 + 2 * index) });
    } else spans.push({ first, last: first });
  }
  const option = (['sports', 'dports', 'ports'] as const)[info[0] ?? 0] ?? 'ports';
  const inSpans = (port: number | null, which: string) =>
    some(spans.map(({ first, last }) => portIn(port, first, last, which)));
  return {
    text: `-m multiport ${bang(isNegated)}--${option} ${spans.map(({ first, last }) => rangeText(first, last)).join(',')}`,
    holds: ({ sourcePort, port }) => {
      const asked = [
        ...(option === 'dports' ? [] : [inSpans(sourcePort, 'source')]),
        ...(option === 'sports' ? [] : [inSpans(port, 'destination')]),
      ];
      return inverted(some(asked), isNegated);
    },
  };
}

/** `struct xt_iprange_mtinfo`: four addresses of 16 bytes, of which the family uses the first ones; flags. */
export function addressRange(info: Uint8Array): Condition {
  const flags = info[64] ?? 0;
  const of = (which: 'src' | 'dst', at: number, isNegated: boolean): Condition => {
    const bounds = (width: number) =>
      [info.subarray(at, at + width), info.subarray(at + 16, at + 16 + width)] as const;
    // IPv4 uses 4 of the 16 bytes; the others are zero.
    const isShort = info.subarray(at + 4, at + 16).every((byte) => byte === 0);
    const [first, last] = bounds(isShort ? 4 : 16);
    return {
      text: `${bang(isNegated)}--${which}-range ${addressFromBytes(first)}-${addressFromBytes(last)}`,
      holds: ({ source, destination }) => {
        const address = which === 'src' ? source : destination;
        if (address === null) return 'the source address after translation';
        const bytes = addressBytes(address);
        const [from, to] = bounds(bytes.length);
        return inverted(Buffer.compare(bytes, from) >= 0 && Buffer.compare(bytes, to) <= 0, isNegated);
      },
    };
  };
  return both('iprange', [
    ...((flags & 1) !== 0 ? [of('src', 0, (flags & 0x10) !== 0)] : []),
    ...((flags & 2) !== 0 ? [of('dst', 32, (flags & 0x20) !== 0)] : []),
  ]);
}

/** `struct xt_mark_mtinfo1`: mark, mask, invert; the same for connmark. */
export function markMatch(module: 'mark' | 'connmark', info: Uint8Array): Condition {
  const [wanted, mask] = [host32(info, 0), host32(info, 4)];
  const isNegated = info[8] !== 0;
  const hex = (number: number) => `0x${number.toString(16)}`;
  return {
    text: `-m ${module} ${bang(isNegated)}--mark ${hex(wanted)}${mask === 0xffff_ffff ? '' : `/${hex(mask)}`}`,
    holds: ({ mark, connectionMark, tracking }) => {
      if (module === 'connmark' && tracking !== 'tracked') return false;
      const { value, known } = module === 'mark' ? mark : connectionMark;
      if (((value ^ wanted) & mask & known) !== 0 || (wanted & ~mask) !== 0) return isNegated;
      return (mask & ~known) === 0
        ? !isNegated
        : `the ${module === 'mark' ? 'mark of the packet' : 'mark of the connection'}`;
    },
  };
}
