import { addressFromBytes } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { PortSpan } from '../../net/port.ts';
import { maskedPrefix } from '../../net/prefix.ts';
import { protocolFromNumber } from '../../net/protocol.ts';
import { host32, net16, textOf } from '../../wire/bytes.ts';
import { conntrackStatus } from '../../wire/conntrack/entry.ts';
import { familyOfNumber } from '../../wire/family-number.ts';
import type { RuleDeclaration } from '../../wire/nftables/declarations.ts';
import { type SetElement, type Verdict, verdictOf } from '../../wire/nftables/element.ts';
import { decodeExpression, type Expression, numbers } from '../../wire/nftables/expressions.ts';
import {
  type ForeignRule,
  type MatchDraft,
  matchOfAll,
  type RuleAction,
  type RuleMatch,
} from './foreign-table.ts';
import { targetAction } from './iptables-target.ts';

/** A rule of nf_tables. Its expressions are read when `match`, `action` or `covers` is first used. */
export class NativeRule implements ForeignRule<bigint> {
  readonly id: bigint;
  readonly chain: string;
  readonly #rule: RuleDeclaration;
  readonly #families: readonly Family[];
  readonly #elementsOf: (set: string) => readonly SetElement[];
  #content: RuleContent | null = null;
  #match: RuleMatch | null = null;

  /** @param elementsOf the elements of a set of the rule's table; called only when a match needs them */
  constructor(
    rule: RuleDeclaration,
    families: readonly Family[],
    elementsOf: (set: string) => readonly SetElement[],
  ) {
    this.id = rule.handle ?? 0n;
    this.chain = rule.chain ?? '';
    this.#rule = rule;
    this.#families = families;
    this.#elementsOf = elementsOf;
  }

  get covers(): ForeignRule['covers'] {
    const matches = (this.#rule.expressions ?? []).filter(({ name = '' }) => !WITHOUT_MATCH.has(name));
    if (matches.length === 0) return 'all';
    return asksForTranslation(matches.map(decodeExpression)) ? 'translated' : 'some';
  }

  get action(): RuleAction {
    return this.#read().action;
  }

  get match(): RuleMatch {
    if (this.#match === null) {
      const { match, portSet } = this.#read();
      this.#match = portSet === null ? match : { ...match, ports: portsOf(this.#elementsOf(portSet)) };
    }
    return this.#match;
  }

  #read(): RuleContent {
    this.#content ??= contentOf(this.#rule, this.#families);
    return this.#content;
  }
}

/** Expressions that do not depend on the packet. */
const WITHOUT_MATCH: ReadonlySet<string> = new Set(['counter', 'log', 'immediate', 'reject']);

/** `ct status dnat`: load the status, mask the bits, compare with 0 (not equal) or with the bit (equal). */
function asksForTranslation([load, mask, compare, ...more]: readonly (Expression | null)[]): boolean {
  if (load?.name !== 'ct' || mask?.name !== 'bitwise' || compare?.name !== 'cmp' || more.length > 0)
    return false;
  const { IPS_DST_NAT } = conntrackStatus;
  const bits = hostNumber(mask.attributes.mask?.value) ?? 0;
  const { operation, data } = compare.attributes;
  const value = hostNumber(data?.value);
  if (load.attributes.key !== numbers.ctKey.status || (bits & IPS_DST_NAT) === 0) return false;
  return operation === numbers.cmp['!=']
    ? value === 0
    : operation === numbers.cmp['=='] && value === IPS_DST_NAT;
}

/** The status is a number of 32 bits in host byte order. */
function hostNumber(value: Uint8Array | undefined): number | null {
  return value?.length === 4 ? host32(value, 0) : null;
}

interface RuleContent {
  readonly match: RuleMatch;
  /** The set that holds the ports of the match; null when the rule names them itself. */
  readonly portSet: string | null;
  readonly action: RuleAction;
}

/** The content of a register. `bits`: length of the compared prefix; `width`: bytes of an address. */
type Held =
  | { readonly what: 'ports' | 'family' | 'protocol' | 'mark' | 'outName' }
  | { readonly what: 'source' | 'destination'; readonly width: number; readonly bits: number }
  | { readonly what: 'value'; readonly bytes: Uint8Array };

function contentOf({ expressions = [] }: RuleDeclaration, families: readonly Family[]): RuleContent {
  const registers = new Map<number, Held>();
  const match = matchOfAll(families);
  let portSet: string | null = null;
  let verdict: RuleAction | null = null;
  let statement: RuleAction | null = null;
  const load = (register = -1, held: Held | null) => {
    if (held === null) registers.delete(register);
    else registers.set(register, held);
  };
  for (const raw of expressions) {
    if (raw.name === 'redir') statement ??= { kind: 'dnat', to: null };
    else if (raw.name === 'notrack') statement ??= { kind: 'notrack' };
    const expression = decodeExpression(raw);
    switch (expression?.name) {
      case 'payload': {
        const { dreg, base = 0, offset = 0, length = 0 } = expression.attributes;
        load(dreg, payloadField(base, offset, length));
        break;
      }
      case 'meta': {
        const { dreg, key = -1 } = expression.attributes;
        load(dreg, META_FIELDS.get(key) ?? null);
        break;
      }
      case 'ct': {
        const { dreg, key } = expression.attributes;
        load(dreg, key === numbers.ctKey.mark ? { what: 'mark' } : null);
        break;
      }
      case 'bitwise': {
        const { dreg = -1, mask } = expression.attributes;
        const held = registers.get(dreg);
        if (held?.what === 'source' || held?.what === 'destination') {
          if (mask?.value !== undefined) load(dreg, { ...held, bits: onesIn(mask.value) });
        } else if (held?.what !== 'mark') load(dreg, null);
        break;
      }
      case 'cmp': {
        const { sreg = -1, operation = numbers.cmp['=='], data } = expression.attributes;
        compare(match, registers.get(sreg), operation, data?.value ?? new Uint8Array(0));
        break;
      }
      case 'range': {
        const { sreg = -1, operation, first, last } = expression.attributes;
        if (registers.get(sreg)?.what !== 'ports' || operation !== numbers.cmp['==']) break;
        if (first?.value?.length === 2 && last?.value?.length === 2)
          narrowPorts(match, net16(first.value, 0), net16(last.value, 0));
        break;
      }
      case 'lookup': {
        const { set = '', sreg = -1, dreg, flags = 0 } = expression.attributes;
        if (dreg !== undefined || (flags & numbers.lookupInverted) !== 0) load(dreg, null);
        else if (registers.get(sreg)?.what === 'ports') portSet = set;
        break;
      }
      case 'immediate': {
        const { dreg, data } = expression.attributes;
        if (data?.verdict !== undefined) verdict ??= verdictAction(verdictOf(data.verdict));
        load(dreg, data?.value === undefined ? null : { what: 'value', bytes: data.value });
        break;
      }
      case 'nat': {
        const { type, addressMin = -1 } = expression.attributes;
        if (type !== numbers.natType.dnat) {
          statement ??= { kind: 'snat' };
          break;
        }
        const held = registers.get(addressMin);
        const bytes = held?.what === 'value' ? held.bytes : null;
        const to = bytes?.length === 4 || bytes?.length === 16 ? addressFromBytes(bytes) : null;
        statement ??= { kind: 'dnat', to };
        if (bytes !== null) narrowFamilies(match, bytes.length === 4 ? 'IPv4' : 'IPv6');
        break;
      }
      case 'masq':
        statement ??= { kind: 'masquerade' };
        break;
      case 'reject':
        statement ??= { kind: 'drop' };
        break;
      case 'target':
        statement ??= targetAction(expression.attributes, families[0] ?? 'IPv4'); // iptables has no inet tables
        break;
    }
  }
  const isJump = verdict !== null && 'chain' in verdict;
  return { match, portSet, action: (isJump ? verdict : (statement ?? verdict)) ?? { kind: 'other' } };
}

function verdictAction({ code, chain }: Verdict): RuleAction {
  if (chain !== undefined) return { kind: code === 'goto' ? 'goto' : 'jump', chain };
  return code === 'accept' || code === 'drop' || code === 'return' ? { kind: code } : { kind: 'other' };
}

/** Offset and length of the addresses in an IPv4 and an IPv6 header. */
const ADDRESSES = [
  { what: 'source', offset: 12, width: 4 },
  { what: 'destination', offset: 16, width: 4 },
  { what: 'source', offset: 8, width: 16 },
  { what: 'destination', offset: 24, width: 16 },
] as const;

function payloadField(base: number, offset: number, length: number): Held | null {
  if (base === numbers.payloadBase.transport) return offset === 2 && length === 2 ? { what: 'ports' } : null;
  if (base !== numbers.payloadBase.network) return null;
  const found = ADDRESSES.find((each) => each.offset === offset && length <= each.width && length > 0);
  return found === undefined ? null : { what: found.what, width: found.width, bits: length * 8 };
}

const META_FIELDS: ReadonlyMap<number, Held> = new Map<number, Held>([
  [numbers.metaKey.mark, { what: 'mark' }],
  [numbers.metaKey.oifname, { what: 'outName' }],
  [numbers.metaKey.nfproto, { what: 'family' }],
  [numbers.metaKey.l4proto, { what: 'protocol' }],
]);

function compare(match: MatchDraft, held: Held | undefined, operation: number, value: Uint8Array): void {
  const isEqual = operation === numbers.cmp['=='];
  switch (held?.what) {
    case 'ports':
      if (value.length !== 2) return;
      if (isEqual) narrowPorts(match, net16(value, 0), net16(value, 0));
      else if (operation === numbers.cmp['>=']) narrowPorts(match, net16(value, 0), 65535);
      else if (operation === numbers.cmp['<=']) narrowPorts(match, 0, net16(value, 0));
      else if (operation === numbers.cmp['!=']) match.ports = [];
      return;
    case 'family':
      if (isEqual) narrowFamilies(match, familyOfNumber(value[0] ?? 0));
      return;
    case 'protocol':
      if (isEqual) match.protocols = [protocolFromNumber(value[0] ?? 0) ?? []].flat();
      return;
    case 'mark':
      match.isMarked = true;
      return;
    case 'outName':
      if (operation === numbers.cmp['!=']) match.notOut = textOf(value, 0, value.length);
      return;
    case 'source':
    case 'destination': {
      if (!isEqual) return;
      const bytes = new Uint8Array(held.width);
      bytes.set(value.subarray(0, held.width));
      match[held.what] = maskedPrefix(addressFromBytes(bytes), held.bits);
      narrowFamilies(match, held.width === 4 ? 'IPv4' : 'IPv6');
      return;
    }
  }
}

/** @param family null: an unsupported family, which narrows nothing */
function narrowFamilies(match: MatchDraft, family: Family | null): void {
  match.families = match.families.filter((each) => each === (family ?? each));
}

function narrowPorts(match: MatchDraft, first: number, last: number): void {
  const [before = { first: 0, last: 65535 }] = match.ports ?? [];
  match.ports = [{ first: Math.max(first, before.first), last: Math.min(last, before.last) }];
}

function onesIn(mask: Uint8Array): number {
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const first = bits.indexOf('0');
  return first === -1 ? bits.length : first;
}

/** Single ports, or ranges that each end with an element of their own. */
function portsOf(elements: readonly SetElement[]): PortSpan[] {
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
