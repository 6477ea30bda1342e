/** What a rule of nf_tables asks of packets, as far as it can be told from its expressions. */
import { net16, textOf } from '../bytes.ts';
import type { RuleDeclaration } from './declarations.ts';
import type { SetElement } from './element.ts';
import { decodeExpression, numbers } from './expressions.ts';

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
  for (const raw of expressions) {
    if (raw.name === 'redir') asked.dnat = { to: null };
    else if (raw.name === 'notrack') asked.isUntracked = true;
    const expression = decodeExpression(raw);
    switch (expression?.name) {
      case 'payload': {
        const { dreg, base = 0, offset = 0, length = 0 } = expression.attributes;
        load(dreg, payloadField(base, offset, length));
        break;
      }
      case 'meta': {
        const { dreg, key = -1 } = expression.attributes;
        load(dreg, metaField(key));
        break;
      }
      case 'ct': {
        const { dreg, key } = expression.attributes;
        load(dreg, key === numbers.ctKey.mark ? { what: 'mark' } : null);
        break;
      }
      case 'bitwise': {
        const { dreg, mask } = expression.attributes;
        const held = registers.get(dreg ?? -1);
        if (held?.what === 'source' || held?.what === 'destination') {
          load(dreg, { ...held, ...(mask?.value === undefined ? {} : { mask: mask.value }) });
        } else if (held?.what !== 'mark') load(dreg, null);
        break;
      }
      case 'cmp': {
        const { sreg = -1, operation = numbers.cmp['=='], data } = expression.attributes;
        compare(asked, registers.get(sreg), operation, data?.value ?? new Uint8Array(0), bound);
        break;
      }
      case 'range': {
        const { sreg = -1, operation, first, last } = expression.attributes;
        if (registers.get(sreg)?.what !== 'ports' || operation !== numbers.cmp['==']) break;
        if (first?.value?.length === 2 && last?.value?.length === 2)
          bound(net16(first.value, 0), net16(last.value, 0));
        break;
      }
      case 'lookup': {
        const { set = '', sreg = -1, dreg, flags = 0 } = expression.attributes;
        const held = registers.get(sreg);
        if (dreg !== undefined || (flags & numbers.lookupInverted) !== 0) load(dreg, null);
        else if (held?.what === 'ports') asked.ports = portsOf(elementsOf(set));
        break;
      }
      case 'immediate': {
        const { dreg, data } = expression.attributes;
        load(dreg, data?.value === undefined ? null : { what: 'value', bytes: data.value });
        break;
      }
      case 'nat': {
        const { type, addressMin = -1 } = expression.attributes;
        if (type !== numbers.natType.dnat) break;
        const held = registers.get(addressMin);
        asked.dnat = { to: held?.what === 'value' ? held.bytes : null };
        break;
      }
    }
  }
  return asked;
}

function payloadField(base: number, offset: number, length: number): Held | null {
  if (base === numbers.payloadBase.transport) return offset === 2 && length === 2 ? { what: 'ports' } : null;
  if (base !== numbers.payloadBase.network) return null;
  const found = ADDRESSES.find((each) => each.offset === offset && length <= each.length && length > 0);
  return found === undefined ? null : { what: found.field, width: found.length, read: length };
}

function metaField(key: number): Held | null {
  const { mark, oifname, nfproto, l4proto } = numbers.metaKey;
  if (key === mark) return { what: 'mark' };
  if (key === oifname) return { what: 'outName' };
  if (key === nfproto) return { what: 'family' };
  return key === l4proto ? { what: 'protocol' } : null;
}

function compare(
  asked: { -readonly [Key in keyof AskedMatch]: AskedMatch[Key] },
  held: Held | undefined,
  operation: number,
  value: Uint8Array,
  bound: (first: number, last: number) => void,
): void {
  const isEqual = operation === numbers.cmp['=='];
  switch (held?.what) {
    case 'ports':
      if (value.length !== 2) return;
      if (isEqual) bound(net16(value, 0), net16(value, 0));
      else if (operation === numbers.cmp['>=']) bound(net16(value, 0), 65535);
      else if (operation === numbers.cmp['<=']) bound(0, net16(value, 0));
      else if (operation === numbers.cmp['!=']) asked.ports = [];
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
      if (operation === numbers.cmp['!=']) asked.notOut = textOf(value, 0, value.length);
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
