import { addressBytes, addressFromBytes, type IpAddress } from '../../../net/address.ts';
import { addressBits, type Family } from '../../../net/family.ts';
import type { PortSpan } from '../../../net/port.ts';
import type { Mark, PassingPacket } from '../../../netfilter/packet.ts';
import type { Effect } from '../../../netfilter/rule.ts';
import { host16, host32, net16 } from '../../../wire/bytes.ts';
import type { XtPart } from './xt-basic.ts';

/** A target of iptables: as `iptables-save` writes it; null: it does nothing to the packet's way. */
export interface Target {
  readonly text: string;
  readonly effect: Effect | ((packet: PassingPacket, hook: TargetHook) => Effect) | null;
}
/** Which end a NETMAP changes. */
export type TargetHook = 'destination' | 'source';

/** Targets that look at a packet or change what no rule here asks for. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'AUDIT',
  'CHECKSUM',
  'CLASSIFY',
  'CONNSECMARK',
  'DSCP',
  'ECN',
  'HL',
  'IDLETIMER',
  'LED',
  'LOG',
  'NFLOG',
  'RATEEST',
  'SECMARK',
  'TCPMSS',
  'TCPOPTSTRIP',
  'TEE',
  'TOS',
  'TRACE',
  'TTL',
  'ULOG',
]);

const hex = (number: number) => `0x${(number >>> 0).toString(16)}`;
const whole = (value: number): Mark => ({ value: value >>> 0, known: 0xffff_ffff });

/** @param family of the table: older targets have another form for IPv4 */
export function xtTarget({ name, revision, info }: XtPart, family: Family): Target {
  const plain = (effect: Target['effect'], more = '') => ({ text: `-j ${name}${more}`, effect });
  if (WITHOUT_EFFECT.has(name)) return plain(null);
  switch (name) {
    case 'ACCEPT':
      return plain({ kind: 'accept' });
    case 'DROP':
      return plain({ kind: 'drop' });
    case 'REJECT':
      return plain({ kind: 'reject' });
    case 'NOTRACK':
      return plain({ kind: 'notrack' });
    case 'CT':
      // XT_CT_NOTRACK of xt_CT.h
      return info.length >= 2 && (host16(info, 0) & 1) !== 0
        ? plain({ kind: 'notrack' }, ' --notrack')
        : plain(null, ' …');
    case 'SET':
      return plain(changedSets(revision, info));
    case 'MARK': {
      if (revision !== 2 || info.length < 8) break;
      const [value, mask] = [host32(info, 0), host32(info, 4)];
      const effect = { kind: 'mark', clear: mask, toggle: whole(value) } as const;
      return plain(effect, ` --set-xmark ${hex(value)}/${hex(mask)}`);
    }
    case 'CONNMARK':
      if (info.length >= 13) return connectionMark(info);
      break;
    case 'SNAT':
    case 'DNAT':
    case 'NETMAP':
    case 'REDIRECT':
    case 'MASQUERADE': {
      const range = natRange(name, revision, info, family);
      if (range !== null) return translation(name, range);
      break;
    }
  }
  return plain({ kind: 'unknown', text: `the target ${name}, which knat does not follow` });
}

/** How a packet remembers that a rule changed this ipset. */
export function ipSetKey(index: number): string {
  return `ipset ${index}`;
}

/** `struct xt_set_info_target_v1` to `_v3`: a set to add to, one to delete from, and in v3 one that gives marks. */
function changedSets(revision: number, info: Uint8Array): Effect {
  const asked = [0, 4, ...(revision >= 3 ? [8] : [])]
    .filter((at) => at + 2 <= info.length)
    .map((at) => host16(info, at))
    .map((index) => (index === IPSET_INVALID_ID ? null : index));
  if (revision === 0 || (asked[2] ?? null) !== null)
    return { kind: 'unknown', text: 'the target SET, which knat does not follow' };
  return { kind: 'fill', sets: asked.filter((index) => index !== null).map(ipSetKey) };
}

const IPSET_INVALID_ID = 65535;

/** `struct xt_connmark_tginfo1`: mark, mask of the connection, mask of the packet, mode. */
function connectionMark(info: Uint8Array): Target {
  const [mark, ofConnection, ofPacket, mode] = [host32(info, 0), host32(info, 4), host32(info, 8), info[12]];
  const masks = ` --nfmask ${hex(ofPacket)} --ctmask ${hex(ofConnection)}`;
  const picked = ({ value, known }: Mark, mask: number): Mark => {
    return { value: (value & mask) >>> 0, known: (known | ~mask) >>> 0 };
  };
  switch (mode) {
    case 0: {
      const effect = { kind: 'connection-mark', clear: ofConnection, toggle: whole(mark) } as const;
      return { text: `-j CONNMARK --set-xmark ${hex(mark)}/${hex(ofConnection)}`, effect };
    }
    case 1:
      return {
        text: `-j CONNMARK --save-mark${masks}`,
        effect: (packet) => ({
          kind: 'connection-mark',
          clear: ofConnection,
          toggle: picked(packet.mark, ofPacket),
        }),
      };
    default:
      return {
        text: `-j CONNMARK --restore-mark${masks}`,
        effect: (packet) => ({
          kind: 'mark',
          clear: ofPacket,
          toggle: picked(packet.connectionMark, ofConnection),
        }),
      };
  }
}

/** NF_NAT_RANGE_… of nf_nat.h. */
const MAP_IPS = 1;
const PROTO_SPECIFIED = 2;
const RANDOM = 4 | 16;

interface NatRange {
  readonly flags: number;
  readonly first: IpAddress;
  readonly last: IpAddress;
  readonly ports: PortSpan;
}

/** `nf_nat_ipv4_multi_range_compat` for IPv4 in old revisions, else `nf_nat_range` and `nf_nat_range2`. */
function natRange(name: string, revision: number, info: Uint8Array, family: Family): NatRange | null {
  const isOld = family === 'IPv4' && (revision === 0 || name === 'MASQUERADE' || name === 'REDIRECT');
  if (info.length < (isOld ? 20 : 40)) return null;
  const width = addressBits[family] / 8;
  const [flags, first, last, ports] = isOld ? [4, 8, 12, 16] : [0, 4, 20, 36];
  return {
    flags: host32(info, flags),
    first: addressFromBytes(info.subarray(first, first + width)),
    last: addressFromBytes(info.subarray(last, last + width)),
    ports: { first: net16(info, ports), last: net16(info, ports + 2) },
  };
}

function translation(name: string, { flags, first, last, ports }: NatRange): Target {
  const hasPorts = (flags & PROTO_SPECIFIED) !== 0;
  const isRandom = (flags & RANDOM) !== 0;
  const given = hasPorts ? ports : isRandom ? 'any' : null;
  const portText = ports.first === ports.last ? String(ports.first) : `${ports.first}-${ports.last}`;
  const random = (flags & 16) !== 0 ? ' --random-fully' : isRandom ? ' --random' : '';
  const addresses = (flags & MAP_IPS) === 0 ? '' : first === last ? first : `${first}-${last}`;
  const isOne = (flags & MAP_IPS) === 0 || first === last;
  const several = (what: string): Effect => ({
    kind: 'unknown',
    text: `which ${what} of ${addresses} is chosen`,
  });
  switch (name) {
    case 'MASQUERADE':
      return {
        text: `-j MASQUERADE${hasPorts ? ` --to-ports ${portText}` : ''}${random}`,
        effect: { kind: 'masquerade', ports: given },
      };
    case 'REDIRECT':
      return {
        text: `-j REDIRECT${hasPorts ? ` --to-ports ${portText}` : ''}${random}`,
        effect: { kind: 'redirect', ports: hasPorts ? ports : null },
      };
    case 'NETMAP':
      return {
        text: `-j NETMAP --to ${addresses}`,
        effect: (packet, end) => {
          const own = end === 'destination' ? packet.destination : packet.source;
          const address = own === null ? null : mapped(own, first, last);
          return { kind: end === 'destination' ? 'dnat' : 'snat', address, ports: null };
        },
      };
    default: {
      const isSource = name === 'SNAT';
      const to = `${addresses.includes(':') && hasPorts ? `[${addresses}]` : addresses}${hasPorts ? `:${portText}` : ''}`;
      const address = (flags & MAP_IPS) === 0 ? null : first;
      return {
        text: `-j ${name} --to-${isSource ? 'source' : 'destination'} ${to}${random}`,
        effect: isOne
          ? { kind: isSource ? 'snat' : 'dnat', address, ports: given }
          : several(isSource ? 'source address' : 'destination'),
      };
    }
  }
}

/** The host part stays: netmap of xt_NETMAP.c, where the mask is what first and last have in common. */
function mapped(own: IpAddress, first: IpAddress, last: IpAddress): IpAddress {
  const [from, to] = [addressBytes(first), addressBytes(last)];
  const bytes = addressBytes(own).map((byte, at) => {
    const mask = ~((from[at] ?? 0) ^ (to[at] ?? 0)) & 0xff;
    return ((from[at] ?? 0) & mask) | (byte & ~mask);
  });
  return addressFromBytes(bytes);
}
