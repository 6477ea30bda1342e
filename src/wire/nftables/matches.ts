/**
 * What a rule of nf_tables asks of packets, as far as it can be told from its expressions: include/uapi/linux/netfilter/
 * nf_tables.h, `enum nft_payload_attributes`, `nft_meta_keys`, `nft_cmp_attributes`, `nft_range_attributes`,
 * `nft_lookup_attributes`, `nft_nat_attributes`.
 */
import { be32, binary, nest, skipped, string } from '../attributes.ts';
import { net16, textOf } from '../bytes.ts';
import type { RuleDeclaration } from './declarations.ts';
import type { SetElement } from './element.ts';

const dataAttributes = nest({
  value: [1, 'NFTA_DATA_VALUE', binary],
  verdict: [2, 'NFTA_DATA_VERDICT', skipped],
});

const tables = {
  payload: nest({
    into: [1, 'NFTA_PAYLOAD_DREG', be32],
    base: [2, 'NFTA_PAYLOAD_BASE', be32],
    offset: [3, 'NFTA_PAYLOAD_OFFSET', be32],
    length: [4, 'NFTA_PAYLOAD_LEN', be32],
  }),
  meta: nest({ into: [1, 'NFTA_META_DREG', be32], key: [2, 'NFTA_META_KEY', be32] }),
  ct: nest({ into: [1, 'NFTA_CT_DREG', be32], key: [2, 'NFTA_CT_KEY', be32] }),
  bitwise: nest({ into: [2, 'NFTA_BITWISE_DREG', be32], mask: [4, 'NFTA_BITWISE_MASK', dataAttributes] }),
  cmp: nest({
    from: [1, 'NFTA_CMP_SREG', be32],
    operation: [2, 'NFTA_CMP_OP', be32],
    data: [3, 'NFTA_CMP_DATA', dataAttributes],
  }),
  range: nest({
    from: [1, 'NFTA_RANGE_SREG', be32],
    operation: [2, 'NFTA_RANGE_OP', be32],
    first: [3, 'NFTA_RANGE_FROM_DATA', dataAttributes],
    last: [4, 'NFTA_RANGE_TO_DATA', dataAttributes],
  }),
  lookup: nest({
    set: [1, 'NFTA_LOOKUP_SET', string],
    from: [2, 'NFTA_LOOKUP_SREG', be32],
    into: [3, 'NFTA_LOOKUP_DREG', be32],
    flags: [5, 'NFTA_LOOKUP_FLAGS', be32],
  }),
  immediate: nest({
    into: [1, 'NFTA_IMMEDIATE_DREG', be32],
    data: [2, 'NFTA_IMMEDIATE_DATA', dataAttributes],
  }),
  nat: nest({
    type: [1, 'NFTA_NAT_TYPE', be32],
    family: [2, 'NFTA_NAT_FAMILY', be32],
    address: [3, 'NFTA_NAT_REG_ADDR_MIN', be32],
  }),
} as const;

/** `enum nft_payload_bases`, `nft_meta_keys`, `nft_ct_keys`, `nft_cmp_ops`, `nft_nat_types`. */
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const META = { mark: 3, outName: 7, family: 15, protocol: 16 } as const;
const CT_MARK = 3;
const COMPARE = { equal: 0, notEqual: 1, lessOrEqual: 3, greaterOrEqual: 5 } as const;
const LOOKUP_INVERTED = 1;
const NAT_DNAT = 1;

/** Offset and length of the addresses in an IPv4 and an IPv6 header. */
const ADDRESSES = [
  { field: 'source', offset: 12, length: 4 },
  { field: 'destination', offset: 16, length: 4 },
  { field: 'source', offset: 8, length: 16 },
  { field: 'destination', offset: 24, length: 16 },
] as const;

/** Bytes of a network that the packet's address has to be in, and its length in bits; four or sixteen bytes. */
export interface AskedNetwork {
  readonly bytes: Uint8Array;
  readonly length: number;
}

export interface AskedMatch {
  /** `AF_INET`, `AF_INET6`; null: not asked. */
  readonly family: number | null;
  /** IANA number; null: not asked. */
  readonly protocol: number | null;
  readonly ports: readonly { readonly first: number; readonly last: number }[] | null;
  readonly source: AskedNetwork | null;
  readonly destination: AskedNetwork | null;
  readonly notOut: string | null;
  readonly isMarked: boolean;
  /** What it does with the packet's destination; `to` is the bytes of the address. */
  readonly dnat: { readonly to: Uint8Array | null } | null;
  readonly isUntracked: boolean;
}

/** What stands in a register. */
type Held =
  | { readonly what: 'ports' | 'family' | 'protocol' | 'mark' | 'outName' }
  | {
      readonly what: 'source' | 'destination';
      readonly width: number;
      readonly read: number;
      readonly mask?: Uint8Array;
    }
  | { readonly what: 'value'; readonly bytes: Uint8Array };

/** @param elementsOf the elements of a set of the rule's table */
export function matchesOf(
  { expressions = [] }: RuleDeclaration,
  elementsOf: (set: string) => readonly SetElement[],
): AskedMatch {
  const registers = new Map<number, Held>();
  const asked: { -readonly [Key in keyof AskedMatch]: AskedMatch[Key] } = {
    family: null,
    protocol: null,
    ports: null,
    source: null,
    destination: null,
    notOut: null,
    isMarked: false,
    dnat: null,
    isUntracked: false,
  };
  const load = (register: number | undefined, held: Held | null) => {
    if (register === undefined) return;
    if (held === null) registers.delete(register);
    else registers.set(register, held);
  };
  const bound = (first: number, last: number) => {
    const [before] = asked.ports ?? [{ first: 0, last: 65535 }];
    asked.ports = [
      { first: Math.max(first, before?.first ?? 0), last: Math.min(last, before?.last ?? 65535) },
    ];
  };
  for (const { name = '', data = new Uint8Array(0) } of expressions) {
    const read = <Key extends keyof typeof tables>(key: Key) =>
      tables[key].read(data, 0, data.length, key) as ReturnType<(typeof tables)[Key]['read']>;
    switch (name) {
      case 'payload': {
        const { into, base = 0, offset = 0, length = 0 } = read('payload');
        load(into, payloadField(base, offset, length));
        break;
      }
      case 'meta': {
        const { into, key = -1 } = read('meta');
        load(into, metaField(key));
        break;
      }
      case 'ct': {
        const { into, key } = read('ct');
        load(into, key === CT_MARK ? { what: 'mark' } : null);
        break;
      }
      case 'bitwise': {
        const { into, mask } = read('bitwise');
        const held = registers.get(into ?? -1);
        if (held?.what === 'source' || held?.what === 'destination') {
          load(into, { ...held, ...(mask?.value === undefined ? {} : { mask: mask.value }) });
        } else if (held?.what !== 'mark') load(into, null);
        break;
      }
      case 'cmp': {
        const { from = -1, operation = COMPARE.equal, data: compared } = read('cmp');
        const value = compared?.value ?? new Uint8Array(0);
        compare(asked, registers.get(from), operation, value, bound);
        break;
      }
      case 'range': {
        const { from = -1, operation, first, last } = read('range');
        if (registers.get(from)?.what !== 'ports' || operation !== COMPARE.equal) break;
        if (first?.value?.length === 2 && last?.value?.length === 2)
          bound(net16(first.value, 0), net16(last.value, 0));
        break;
      }
      case 'lookup': {
        const { set = '', from = -1, into, flags = 0 } = read('lookup');
        const held = registers.get(from);
        if (into !== undefined || (flags & LOOKUP_INVERTED) !== 0) load(into, null);
        else if (held?.what === 'ports') asked.ports = portsOf(elementsOf(set));
        break;
      }
      case 'immediate': {
        const { into, data: loaded } = read('immediate');
        load(into, loaded?.value === undefined ? null : { what: 'value', bytes: loaded.value });
        break;
      }
      case 'nat': {
        const { type, address = -1 } = read('nat');
        if (type !== NAT_DNAT) break;
        const held = registers.get(address);
        asked.dnat = { to: held?.what === 'value' ? held.bytes : null };
        break;
      }
      case 'redir':
        asked.dnat = { to: null };
        break;
      case 'notrack':
        asked.isUntracked = true;
        break;
    }
  }
  return asked;
}

function payloadField(base: number, offset: number, length: number): Held | null {
  if (base === TRANSPORT_HEADER) return offset === 2 && length === 2 ? { what: 'ports' } : null;
  if (base !== NETWORK_HEADER) return null;
  const found = ADDRESSES.find((each) => each.offset === offset && length <= each.length && length > 0);
  return found === undefined ? null : { what: found.field, width: found.length, read: length };
}

function metaField(key: number): Held | null {
  if (key === META.mark) return { what: 'mark' };
  if (key === META.outName) return { what: 'outName' };
  if (key === META.family) return { what: 'family' };
  return key === META.protocol ? { what: 'protocol' } : null;
}

function compare(
  asked: { -readonly [Key in keyof AskedMatch]: AskedMatch[Key] },
  held: Held | undefined,
  operation: number,
  value: Uint8Array,
  bound: (first: number, last: number) => void,
): void {
  const isEqual = operation === COMPARE.equal;
  switch (held?.what) {
    case 'ports':
      if (value.length !== 2) return;
      if (isEqual) bound(net16(value, 0), net16(value, 0));
      else if (operation === COMPARE.greaterOrEqual) bound(net16(value, 0), 65535);
      else if (operation === COMPARE.lessOrEqual) bound(0, net16(value, 0));
      else if (operation === COMPARE.notEqual) asked.ports = [];
      return;
    case 'family':
      if (isEqual) asked.family = value[0] ?? null;
      return;
    case 'protocol':
      if (isEqual) asked.protocol = value[0] ?? null;
      return;
    case 'mark':
      asked.isMarked = true;
      return;
    case 'outName':
      if (operation === COMPARE.notEqual) asked.notOut = textOf(value, 0, value.length);
      return;
    case 'source':
    case 'destination': {
      if (!isEqual) return;
      const bytes = new Uint8Array(held.width);
      bytes.set(value.subarray(0, held.width));
      asked[held.what] = { bytes, length: held.mask === undefined ? held.read * 8 : onesIn(held.mask) };
      return;
    }
    default:
      return;
  }
}

function onesIn(mask: Uint8Array): number {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const first = bits.indexOf('0');
  return first === -1 ? bits.length : first;
}

/** Single ports, or ranges each of which an element of its own ends. */
function portsOf(elements: readonly SetElement[]): { first: number; last: number }[] {
  const sorted = elements
    .filter(({ key }) => key.length >= 2)
    .map(({ key, intervalEnd = false, keyEnd }) => ({
      port: net16(key, 0),
      isEnd: intervalEnd,
      last: keyEnd === undefined ? null : net16(keyEnd, 0),
    }))
    .sort((a, b) => a.port - b.port || Number(b.isEnd) - Number(a.isEnd));
  const isRanges = sorted.some(({ isEnd }) => isEnd);
  return sorted.flatMap(({ port, isEnd, last }, index) => {
    if (isEnd) return [];
    const next = sorted[index + 1];
    return [{ first: port, last: last ?? (isRanges ? (next?.port ?? 65536) - 1 : port) }];
  });
}
