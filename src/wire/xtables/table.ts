/**
 * Tables of legacy iptables as the kernel has them: include/uapi/linux/netfilter_ipv4/ip_tables.h and netfilter_ipv6/ip6_tables.h.
 *
 * IPT_SO_GET_INFO answers `struct ipt_getinfo`: name (32 bytes), valid hooks, five offsets of chains, five of their policies,
 * number and size of the entries (4 bytes each). IPT_SO_GET_ENTRIES answers `struct ipt_get_entries`: name, size, padding to 8,
 * then the entries. All numbers are in host byte order, addresses in network byte order.
 *
 * An entry: the header match, 4 bytes of cache, offset of the target, offset of the next entry (2 bytes each), a mark of 4
 * bytes, two counters of 8 bytes aligned to 8; matches; one target. A match or target: its size (2 bytes), name (29), revision
 * (1), content. Chains of users begin with an entry whose target is named ERROR and contains their name.
 */
import { addressFromBytes, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { host16, host32, putHost32, textOf } from '../bytes.ts';
import { Busy, malformed } from '../errors.ts';
import { OptionSocket } from './option-socket.ts';

const GET_INFO = 64;
const GET_ENTRIES = 65;
const NAME = 32;
const INFO = 84;
const ENTRIES = 40;
/** Bytes of entries that are read: some 100,000 rules. */
export const MOST_BYTES = 32 << 20;

/** Lengths and offsets in an entry, by family. */
const LAYOUT = {
  IPv4: {
    level: 0,
    width: 4,
    protocol: 80,
    flags: 82,
    inverse: 83,
    target: 88,
    next: 90,
    length: 112,
    goto: 2,
  },
  IPv6: {
    level: 41,
    width: 16,
    protocol: 128,
    flags: 131,
    inverse: 132,
    target: 140,
    next: 142,
    length: 168,
    goto: 4,
  },
} as const;

/** A match or target: its name, revision and content. */
export interface XtContent {
  readonly name: string;
  readonly revision: number;
  readonly info: Uint8Array;
}

/** Network and mask, which need not be a prefix. */
export interface MaskedAddress {
  readonly address: IpAddress;
  readonly bytes: Uint8Array;
  readonly mask: Uint8Array;
}

export interface LegacyRule {
  readonly source: MaskedAddress;
  readonly destination: MaskedAddress;
  /** `eth0`, `veth+`; empty: any. */
  readonly input: string;
  readonly output: string;
  /** 0: any. */
  readonly protocol: number;
  /** What is negated: IPT_INV_…. */
  readonly inverse: number;
  /** Only the later parts of a fragmented packet. */
  readonly isForFragments: boolean;
  readonly matches: readonly XtContent[];
  readonly target: LegacyTarget;
}

export type LegacyTarget =
  /** `none`: the rule only counts. */
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | ({ readonly kind: 'extension' } & XtContent);

/** IPT_INV_… */
export const inverted = {
  input: 1,
  output: 2,
  source: 8,
  destination: 16,
  fragment: 32,
  protocol: 64,
} as const;

/** `enum nf_inet_hooks`. */
const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
export type LegacyHook = (typeof HOOKS)[number];

export interface LegacyTable {
  /** Base chains with their policy. */
  readonly policies: ReadonlyMap<LegacyHook, 'accept' | 'drop'>;
  /** Number of entries of all chains. */
  readonly size: number;
  /** Read one by one; none for a chain that does not exist. */
  rules(chain: string): Iterable<LegacyRule>;
}

/**
 * Reads a table of this network namespace, which must exist: asking for another would create it. Null when it is larger than
 * MOST_BYTES. Throws Denied without rights.
 */
export function readLegacyTable(family: Family, name: string): LegacyTable | null {
  const { level } = LAYOUT[family];
  const socket = new OptionSocket(family);
  try {
    for (let attempt = 0; ; attempt++) {
      const info = named(name, INFO);
      socket.read(level, GET_INFO, info);
      const size = host32(info, 80);
      if (size > MOST_BYTES) return null;
      const answer = named(name, ENTRIES + size);
      putHost32(answer, NAME, size);
      try {
        socket.read(level, GET_ENTRIES, answer);
        return tableOf(info, answer, family);
      } catch (error) {
        if (!(error instanceof Busy) || attempt === ATTEMPTS) throw error; // it was replaced between the two
      }
    }
  } finally {
    socket.close();
  }
}

const ATTEMPTS = 3;

function named(name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new TextEncoder().encodeInto(name, bytes.subarray(0, NAME - 1));
  return bytes;
}

/** @param info of `struct ipt_getinfo` @param answer of `struct ipt_get_entries` */
export function tableOf(info: Uint8Array, answer: Uint8Array, family: Family): LegacyTable {
  const layout = LAYOUT[family];
  const valid = host32(info, 32);
  const starts = new Map<number, string>();
  const policyAt = new Map<number, LegacyHook>();
  for (const [hook, name] of HOOKS.entries()) {
    if ((valid & (1 << hook)) === 0) continue;
    starts.set(host32(info, 36 + 4 * hook), name);
    policyAt.set(host32(info, 56 + 4 * hook), name);
  }
  const policies = new Map<LegacyHook, 'accept' | 'drop'>();
  const places = new Map<string, number[]>();
  let chain: number[] = [];
  const end = answer.length - ENTRIES;
  for (let at = 0; at < end; ) {
    const entry = ENTRIES + at;
    if (end - at < layout.length) throw malformed('an entry of iptables is cut off');
    const next = host16(answer, entry + layout.next);
    const target = entry + host16(answer, entry + layout.target);
    if (next < layout.length || at + next > end || target + NAME > entry + next)
      throw malformed(`an entry of iptables with ${next} bytes`);
    const started = starts.get(at);
    if (started !== undefined) {
      chain = [];
      places.set(started, chain);
    }
    const policy = policyAt.get(at);
    if (policy !== undefined)
      policies.set(policy, host32(answer, target + NAME) === DROP ? 'drop' : 'accept');
    else if (answer[target + 2] === FIRST_OF_ERROR && textOf(answer, target + 2, target + 31) === 'ERROR') {
      const name = textOf(answer, target + NAME, Math.min(answer.length, target + NAME + 30));
      starts.set(at + next, name);
    } else chain.push(at);
    at += next;
  }
  function* rules(name: string): Generator<LegacyRule> {
    for (const at of places.get(name) ?? []) yield ruleAt(answer, at, family, starts);
  }
  return { policies, size: [...places.values()].reduce((sum, { length }) => sum + length, 0), rules };
}

/** `E`: few targets begin so, and a table may have a hundred thousand. */
const FIRST_OF_ERROR = 0x45;

/** Verdicts of a standard target, as unsigned numbers: -NF_DROP - 1, -NF_ACCEPT - 1, XT_RETURN. */
const DROP = 0xffff_ffff;
const ACCEPT = 0xffff_fffe;
const RETURN = 0xffff_fffb;

function ruleAt(
  bytes: Uint8Array,
  offset: number,
  family: Family,
  starts: ReadonlyMap<number, string>,
): LegacyRule {
  const layout = LAYOUT[family];
  const { width } = layout;
  const at = ENTRIES + offset;
  const next = host16(bytes, at + layout.next);
  const targetAt = at + host16(bytes, at + layout.target);
  const masked = (index: number): MaskedAddress => {
    const own = bytes.slice(at + index * width, at + (index + 1) * width);
    const mask = bytes.slice(at + (index + 2) * width, at + (index + 3) * width);
    return { address: addressFromBytes(own), bytes: own, mask };
  };
  const names = at + 4 * width;
  const flags = bytes[at + layout.flags] as number;
  const matches: XtContent[] = [];
  for (let place = at + layout.length; place < targetAt; ) {
    const size = host16(bytes, place);
    if (size < NAME || place + size > targetAt) throw malformed(`a match of iptables with ${size} bytes`);
    matches.push(contentAt(bytes, place, size));
    place += size;
  }
  return {
    source: masked(0),
    destination: masked(1),
    input: interfaceAt(bytes, names, names + 32),
    output: interfaceAt(bytes, names + 16, names + 48),
    protocol: family === 'IPv6' && (flags & 1) === 0 ? 0 : host16(bytes, at + layout.protocol),
    inverse: bytes[at + layout.inverse] as number,
    isForFragments: family === 'IPv4' && (flags & 1) !== 0,
    matches,
    target: targetOf(bytes, targetAt, offset + next, (flags & layout.goto) !== 0, starts),
  };
}

function contentAt(bytes: Uint8Array, at: number, size: number): XtContent {
  return {
    name: textOf(bytes, at + 2, at + 31),
    revision: bytes[at + 31] as number,
    info: bytes.slice(at + NAME, at + size),
  };
}

/** The mask has ones for the bytes that are compared: with its NUL for a whole name. */
function interfaceAt(bytes: Uint8Array, name: number, mask: number): string {
  const compared = bytes.subarray(mask, mask + 16).indexOf(0);
  const length = compared === -1 ? 16 : compared;
  if (length === 0) return '';
  const text = textOf(bytes, name, name + length);
  return text.length < length ? text : `${text}+`;
}

function targetOf(
  bytes: Uint8Array,
  at: number,
  next: number,
  isGoto: boolean,
  starts: ReadonlyMap<number, string>,
): LegacyTarget {
  const content = contentAt(bytes, at, host16(bytes, at));
  if (content.name !== '') return { kind: 'extension', ...content };
  const verdict = host32(bytes, at + NAME);
  if (verdict === ACCEPT) return { kind: 'accept' };
  if (verdict === DROP) return { kind: 'drop' };
  if (verdict === RETURN) return { kind: 'return' };
  if (verdict === next) return { kind: 'none' };
  const chain = starts.get(verdict);
  if (chain === undefined) throw malformed(`a rule of iptables jumps to ${verdict}, where no chain begins`);
  return { kind: isGoto ? 'goto' : 'jump', chain };
}
