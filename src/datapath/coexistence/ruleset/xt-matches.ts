import type { PassingPacket } from '../../../netfilter/packet.ts';
import type { Truth } from '../../../netfilter/truth.ts';
import { host16, host32, textOf } from '../../../wire/bytes.ts';
import type { KernelHost } from '../kernel-host.ts';
import {
  addressRange,
  bang,
  both,
  type Condition,
  inverted,
  markMatch,
  multiport,
  open,
  portCondition,
  rangeText,
  tcpOrUdp,
  type XtPart,
} from './xt-basic.ts';
import { addressTypeMatch, conntrackMatch, stateMatch } from './xt-state.ts';
import { ipSetKey } from './xt-targets.ts';

/** Matches that only the moment or the content of the packet decides, with what they depend on. */
const UNDECIDED: Readonly<Record<string, string>> = {
  bpf: 'a filter program',
  cgroup: 'which program sends it',
  cluster: 'a hash of the packet',
  connbytes: 'how much the connection has carried',
  connlabel: 'labels of the connection',
  connlimit: 'how many connections there are',
  cpu: 'the processor that handles it',
  dccp: 'the content of the packet',
  dscp: 'the DSCP of the packet',
  ecn: 'the ECN flags of the packet',
  hashlimit: 'a rate limit',
  helper: 'a helper of connection tracking',
  hl: 'the hop limit of the packet',
  length: 'the length of the packet',
  limit: 'a rate limit',
  mac: 'the hardware address of the sender',
  osf: 'the operating system of the sender',
  policy: 'IPsec',
  quota: 'how much is left of a quota',
  rateest: 'a measured rate',
  realm: 'the realm of the route',
  recent: 'which addresses were seen recently',
  socket: 'whether a program of this host has a socket for it',
  statistic: 'chance or a count',
  string: 'the content of the packet',
  tcpmss: 'the options of the segment',
  time: 'the time',
  tos: 'the TOS of the packet',
  ttl: 'the TTL of the packet',
  u32: 'the content of the packet',
};

/** A match of iptables (xt_*.h) with its text as `iptables-save` writes it. What is not known depends on itself. */
export function xtMatch({ name, revision, info }: XtPart, host: KernelHost): Condition {
  const known = FEWEST_BYTES[name];
  if (known !== undefined && info.length >= known) {
    switch (name) {
      case 'comment':
        return {
          text: `-m comment --comment ${JSON.stringify(textOf(info, 0, Math.min(info.length, 256)))}`,
          holds: () => true,
        };
      case 'tcp':
      case 'udp':
        return tcpOrUdp(name, info);
      case 'sctp':
        return sctp(info);
      case 'multiport':
        if (revision === 1) return multiport(info);
        break;
      case 'iprange':
        return addressRange(info);
      case 'mark':
      case 'connmark':
        return markMatch(name, info);
      case 'state':
        return stateMatch(info);
      case 'conntrack':
        if (revision >= 1) return conntrackMatch(revision, info);
        break;
      case 'addrtype':
        return addressTypeMatch(revision, info, host);
      case 'physdev':
        return physicalDevice(info, host);
      case 'pkttype': {
        // PACKET_HOST, 0: what is routed, or sent by this host.
        const isNegated = host32(info, 4) !== 0;
        const type = ['unicast', 'broadcast', 'multicast'][host32(info, 0)] ?? String(host32(info, 0));
        return {
          text: `-m pkttype ${bang(isNegated)}--pkt-type ${type}`,
          holds: () => (host32(info, 0) === 0) !== isNegated,
        };
      }
      case 'owner':
        return owner(info);
      case 'rpfilter':
        return reversePath(info[0] ?? 0, host);
      case 'set':
        if (revision >= 1) return ipSet(revision, info, host);
        break;
      case 'icmp':
      case 'icmp6':
        return icmpMatch(name, info);
    }
  }
  if (name === 'nfacct') return { text: '-m nfacct', holds: () => true };
  return open(`-m ${name}`, UNDECIDED[name] ?? `the match ${name}, which knat does not know`);
}

/** Shorter contents are not read. */
const FEWEST_BYTES: Readonly<Record<string, number>> = {
  comment: 1,
  tcp: 12,
  udp: 9,
  sctp: 292,
  multiport: 48,
  iprange: 65,
  mark: 9,
  connmark: 9,
  state: 4,
  conntrack: 152,
  addrtype: 8,
  physdev: 66,
  pkttype: 8,
  owner: 18,
  rpfilter: 1,
  set: 8,
  icmp: 4,
  icmp6: 4,
};

/** `struct ipt_icmp`, `struct ip6t_icmp`: type, first and last code, flags of which 1 inverts. Type 255 of IPv4 is any. */
function icmpMatch(name: 'icmp' | 'icmp6', info: Uint8Array): Condition {
  const [type = 0, first = 0, last = 0, flags = 0] = info;
  const isNegated = (flags & 1) !== 0;
  const isAny = name === 'icmp' && type === 255;
  const option = name === 'icmp' ? '--icmp-type' : '--icmpv6-type';
  const code = first === 0 && last === 255 ? '' : `/${rangeText(first, last)}`;
  return {
    text: `-m ${name} ${bang(isNegated)}${option} ${isAny ? 'any' : `${type}${code}`}`,
    holds: ({ icmp }) => {
      if (icmp === undefined) return false; // the rule asks for the protocol before
      if (isAny) return !isNegated;
      if (icmp.type !== type) return isNegated;
      if (first === 0 && last === 255) return !isNegated;
      if (icmp.code === null) return 'the code of the ICMP packet';
      return inverted(icmp.code >= first && icmp.code <= last, isNegated);
    },
  };
}

/** `struct xt_sctp_info`: destination ports, source ports, 256 bytes of chunks, how they match, their flags; then what is asked. */
function sctp(info: Uint8Array): Condition {
  const [flags, inverse] = [host32(info, 284), host32(info, 288)];
  return both('sctp', [
    ...((flags & 2) === 0
      ? []
      : [portCondition('dport', host16(info, 0), host16(info, 2), (inverse & 2) !== 0)]),
    ...((flags & 1) === 0
      ? []
      : [portCondition('sport', host16(info, 4), host16(info, 6), (inverse & 1) !== 0)]),
    ...((flags & 4) === 0 ? [] : [open('--chunk-types …', 'the chunks of the packet')]),
  ]);
}

const PHYSDEV = [
  [4, '--physdev-is-bridged'],
  [8, '--physdev-is-in'],
  [16, '--physdev-is-out'],
  [1, '--physdev-in'],
  [2, '--physdev-out'],
] as const;

/** `struct xt_physdev_info`. A packet that no bridge hands to iptables matches what is negated (physdev_mt of xt_physdev.c). */
function physicalDevice(info: Uint8Array, host: KernelHost): Condition {
  const [inverse, asked] = [info[64] ?? 0, info[65] ?? 0];
  const names: Readonly<Record<number, string>> = {
    1: ` ${textOf(info, 0, 16)}`,
    2: ` ${textOf(info, 32, 48)}`,
  };
  const text = PHYSDEV.filter(([bit]) => (asked & bit) !== 0)
    .map(([bit, option]) => `${bang((inverse & bit) !== 0)}${option}${names[bit] ?? ''}`)
    .join(' ');
  return {
    text: `-m physdev ${text}`,
    holds: () =>
      host.bridgesCallIptables
        ? 'the port of the bridge that it comes from'
        : PHYSDEV.every(([bit]) => (asked & bit) === 0 || (inverse & bit) !== 0),
  };
}

/** `struct xt_owner_match_info`: four numbers, match and invert. What is forwarded has no owner: owner_mt of xt_owner.c. */
function owner(info: Uint8Array): Condition {
  const [match, invert] = [info[16] ?? 0, info[17] ?? 0];
  const parts = [
    ...((match & 1) === 0 ? [] : [`${bang((invert & 1) !== 0)}--uid-owner ${host32(info, 0)}`]),
    ...((match & 2) === 0 ? [] : [`${bang((invert & 2) !== 0)}--gid-owner ${host32(info, 8)}`]),
    ...((match & 4) === 0 ? [] : [`${bang((invert & 4) !== 0)}--socket-exists`]),
  ];
  return {
    text: ['-m owner', ...parts].join(' '),
    holds: ({ isLocal }) => (isLocal ? 'which user sends it' : ((match ^ invert) & match) === 0),
  };
}

/** `struct xt_rpfilter_info`: loose 1, with the mark 2, accept local 4, invert 8. */
function reversePath(flags: number, host: KernelHost): Condition {
  const isNegated = (flags & 8) !== 0;
  const text = [
    '-m rpfilter',
    ...((flags & 1) !== 0 ? ['--loose'] : []),
    ...((flags & 2) !== 0 ? ['--validmark'] : []),
    ...((flags & 4) !== 0 ? ['--accept-local'] : []),
    ...(isNegated ? ['--invert'] : []),
  ].join(' ');
  const holds = (packet: PassingPacket): Truth => {
    if (packet.input === null) return !isNegated; // loopback and the host's own
    const found = host.reverseInterfaces(packet, (flags & 2) !== 0);
    if (found === null || packet.input === undefined) return 'the route back to the sender';
    const { index } = packet.input;
    return inverted((flags & 1) !== 0 ? found.length > 0 : found.includes(index), isNegated);
  };
  return { text, holds };
}

/**
 * `struct xt_set_info_match_v3` and `_v4`: counters of packets and bytes that are compared, and flags, of which
 * IPSET_FLAG_RETURN_NOMATCH turns elements with `nomatch` round. An operation of 0 compares nothing.
 */
function isCounted(revision: number, info: Uint8Array): boolean {
  if (revision < 3 || info.length < 44) return false;
  const operations = revision === 3 ? [8, 24] : [16, 32];
  return operations.some((at) => info[at] !== 0) || (host32(info, 40) & 0x80) !== 0;
}

/** `struct xt_set_info`: index, dimensions, flags: bit 0 negates, bit n is the direction of dimension n, source if set. */
function ipSet(revision: number, info: Uint8Array, host: KernelHost): Condition {
  const [index, dimensions, flags] = [host16(info, 0), info[2] ?? 0, info[3] ?? 0];
  const isNegated = (flags & 1) !== 0;
  const directions = Array.from({ length: dimensions }, (_, at) => ((flags >> (at + 1)) & 1) === 1);
  const name = host.sets.nameOf(index);
  const words = directions.map((isSource) => (isSource ? 'src' : 'dst')).join(',');
  return {
    text: `-m set ${bang(isNegated)}--match-set ${name ?? `#${index}`} ${words}`,
    holds: (packet) =>
      name === null
        ? 'an ipset that cannot be read'
        : packet.filled?.includes(ipSetKey(index)) === true
          ? `what earlier rules put into ${name}`
          : isCounted(revision, info)
            ? 'what the ipset has counted'
            : inverted(host.sets.has(name, directions, packet), isNegated),
  };
}
