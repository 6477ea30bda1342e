import { addressFromBytes } from '../../../net/address.ts';
import type { Family } from '../../../net/family.ts';
import type { PortSpan } from '../../../net/port.ts';
import type { Mark, PassingPacket } from '../../../netfilter/packet.ts';
import type { Effect, Part, Rule } from '../../../netfilter/rule.ts';
import { host32, net16 } from '../../../wire/bytes.ts';
import { Malformed } from '../../../wire/errors.ts';
import type { RuleDeclaration } from '../../../wire/nftables/declarations.ts';
import { verdictOf } from '../../../wire/nftables/element.ts';
import {
  decodeExpression,
  type Expression,
  numbers,
  type RawExpression,
} from '../../../wire/nftables/expressions.ts';
import type { KernelHost } from '../kernel-host.ts';
import { type Bits, knownBits, masked, swapped, unknownBits } from './bits.ts';
import { comparison } from './comparison.ts';
import { fibField } from './fib-field.ts';
import { conntrackField, metaField } from './fields.ts';
import { payloadField } from './header-fields.ts';
import type { Operand } from './operand.ts';
import { Registers } from './registers.ts';
import { RuleText } from './rule-text.ts';
import type { Found, SetView } from './set-view.ts';
import { effectOf, verdictFrom, verdictText } from './verdict-effect.ts';
import { xtMatch } from './xt-matches.ts';
import { type TargetHook, xtTarget } from './xt-targets.ts';

/** What a rule needs to be evaluated. */
export interface RuleContext {
  /** `table ip nat`. */
  readonly title: string;
  /** Of iptables tables; any for `inet`. */
  readonly family: Family;
  readonly end: TargetHook;
  readonly host: KernelHost;
  /** Null: there is no such set. */
  setNamed(name: string): SetView | null;
}

/** A rule of nf_tables, made executable when it is first met. */
export class CompiledRule implements Rule {
  readonly table: string;
  readonly chain: string;
  readonly parts: readonly Part[];
  readonly #text: RuleText;

  constructor(rule: RuleDeclaration, context: RuleContext) {
    this.table = context.title;
    this.chain = rule.chain ?? '';
    const compiler = new Compiler(context);
    this.parts = partsOf(rule, compiler);
    this.#text = compiler.text.with(rule.userdata);
  }

  get text(): string {
    return this.#text.toString();
  }
}

/** A rule that this version of knat cannot read may do anything. */
function partsOf({ expressions = [] }: RuleDeclaration, compiler: Compiler): readonly Part[] {
  try {
    for (const raw of expressions) compiler.add(raw);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const text = 'a rule that knat cannot read';
    return [...compiler.parts, { kind: 'do', effect: () => text }];
  }
  return compiler.matters ? compiler.parts : [];
}

/** Expressions that change nothing that matters to a packet's way. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['counter', 'log', 'last', 'dup', 'flow_offload']);

const CHANCE = 'chance or a count';

/** NFT_OBJECT_…: a quota, a limit or a limit of connections may end the rule; helpers and counters do not. */
const ENDING_OBJECTS: ReadonlySet<number> = new Set([2, 4, 5]);
const SYNPROXY_OBJECT = 10;
const SYNPROXY: Effect = { kind: 'unknown', text: 'synproxy: another program or another way' };

class Compiler {
  readonly parts: Part[] = [];
  readonly text = new RuleText();
  readonly #registers = new Registers();
  readonly #context: RuleContext;
  /** The rule does something to the packet's way. */
  matters = false;

  constructor(context: RuleContext) {
    this.#context = context;
  }

  add(raw: RawExpression): void {
    const { name = '' } = raw;
    if (WITHOUT_EFFECT.has(name)) {
      if (name !== 'last') this.text.add(name);
      return;
    }
    const expression = decodeExpression(raw);
    if (expression !== null) {
      this.#decoded(expression);
      return;
    }
    this.#registers.forget();
    if (name === 'quota' || name === 'connlimit') this.#if(`${name} …`, () => `a ${name}`);
    else if (
      name === 'exthdr' ||
      name === 'socket' ||
      name === 'rt' ||
      name === 'osf' ||
      name === 'tunnel' ||
      name === 'inner' ||
      name === 'xfrm'
    )
      this.#if(`${name} …`, () => `${name}, the content of the packet or the state of the host`);
    else if (name === 'queue' || name === 'synproxy' || name === 'tproxy' || name === 'fwd')
      this.#does(name, { kind: 'unknown', text: `${name}: another program or another way` });
    else this.#if(`${name} …`, () => `${name}, which knat does not know`);
  }

  #decoded(expression: Expression): void {
    switch (expression.name) {
      case 'payload': {
        const { dreg, base = 0, offset = 0, length = 0, sreg } = expression.attributes;
        if (sreg === undefined) this.#load(dreg, payloadField(base, offset, length, this.#context.family));
        else if (touchesEnds(base, offset, length))
          this.#does('payload set', { kind: 'unknown', text: 'a rule that writes into the packet’s header' });
        return;
      }
      case 'meta': {
        const { dreg, key = -1, sreg } = expression.attributes;
        if (sreg === undefined) this.#load(dreg, metaField(key));
        else if (key === numbers.metaKey.mark) this.#setMark('mark', sreg);
        else if (key === numbers.metaKey.pkttype)
          this.#does('meta pkttype set', {
            kind: 'unknown',
            text: 'a rule that changes what kind of packet it is',
          });
        return;
      }
      case 'ct': {
        const { dreg, key = -1, direction, sreg } = expression.attributes;
        if (sreg === undefined) this.#load(dreg, conntrackField(key, direction));
        else if (key === numbers.ctKey.mark) this.#setMark('connection-mark', sreg);
        return;
      }
      case 'fib': {
        const { dreg, result = 0, flags = 0 } = expression.attributes;
        this.#load(dreg, fibField(result, flags, this.#context.host));
        return;
      }
      case 'numgen':
      case 'hash': {
        const { dreg, modulus = 0, offset = 0 } = expression.attributes;
        const bits = (): Bits => ({ ...unknownBits(4, CHANCE), bound: offset === 0 ? modulus : 0xffff_ffff });
        const text = expression.name === 'numgen' ? `numgen random mod ${modulus}` : `jhash mod ${modulus}`;
        this.#load(dreg, { text, type: 'number', length: 4, read: bits });
        return;
      }
      case 'immediate':
        this.#immediate(expression.attributes);
        return;
      case 'bitwise':
        this.#bitwise(expression.attributes);
        return;
      case 'byteorder': {
        const { sreg = -1, dreg, length = 4, size = 4 } = expression.attributes;
        const from = this.#registers.read(sreg, length);
        const read = (packet: PassingPacket) => {
          const bits = from.read(packet);
          return bits === null ? null : swapped(bits, size);
        };
        this.#load(dreg, { ...from, read });
        return;
      }
      case 'cmp': {
        const { sreg = -1, operation = 0, data } = expression.attributes;
        const value = data?.value ?? new Uint8Array(0);
        const { text, holds } = comparison(this.#registers.read(sreg, value.length), operation, value);
        this.#if(text, holds);
        return;
      }
      case 'range': {
        const { sreg = -1, operation = 0, first, last } = expression.attributes;
        const [from, to] = [first?.value ?? new Uint8Array(0), last?.value ?? new Uint8Array(0)];
        const { text, holds } = comparison(this.#registers.read(sreg, from.length), operation, from, to);
        this.#if(text, holds);
        return;
      }
      case 'dynset':
        this.#fill(expression.attributes);
        return;
      case 'lookup':
        this.#lookup(expression.attributes);
        return;
      case 'objref': {
        const { type, set } = expression.attributes;
        const kind = set === undefined ? type : this.#context.setNamed(set)?.objectType;
        if (kind === SYNPROXY_OBJECT) this.#does('synproxy', SYNPROXY);
        else if (kind === undefined || ENDING_OBJECTS.has(kind)) this.#if('objref …', () => 'a limit');
        return;
      }
      case 'nat':
        this.#nat(expression.attributes);
        return;
      case 'masq': {
        const { flags = 0, portMin, portMax } = expression.attributes;
        this.#translate('masquerade', flags, null, portMin, portMax, (_address, ports) => ({
          kind: 'masquerade',
          ports,
        }));
        return;
      }
      case 'redir': {
        const { portMin, portMax } = expression.attributes;
        this.#translate('redirect', 0, null, portMin, portMax, (_address, ports) => ({
          kind: 'redirect',
          ports,
        }));
        return;
      }
      case 'reject': {
        const isReset = expression.attributes.type === numbers.reject['tcp reset'];
        this.#does(isReset ? 'reject with tcp reset' : 'reject', { kind: 'reject' });
        return;
      }
      case 'match': {
        const { name = '', revision = 0, info = new Uint8Array(0) } = expression.attributes;
        const { text, holds } = xtMatch({ name, revision, info }, this.#context.host);
        this.#if(text, holds);
        return;
      }
      case 'target':
        this.#target(expression.attributes);
        return;
      case 'limit':
        this.#if('limit …', () => 'a rate limit');
        return;
      case 'notrack':
        this.#does('notrack', { kind: 'notrack' });
        return;
      case 'counter': // one of those without effect
        return;
      default:
        expression satisfies never;
    }
  }

  #load(register: number | undefined, operand: Operand): void {
    if (register !== undefined) this.#registers.load(register, operand);
  }

  #if(
    text: string,
    holds: (packet: PassingPacket) => ReturnType<Extract<Part, { kind: 'if' }>['holds']>,
  ): void {
    this.text.add(text);
    this.parts.push({ kind: 'if', holds });
  }

  #does(text: string, effect: Effect | Extract<Part, { kind: 'do' }>['effect']): void {
    this.text.add(text);
    this.matters = true;
    this.parts.push({ kind: 'do', effect: typeof effect === 'function' ? effect : () => effect });
  }

  #immediate({ dreg, data }: Extract<Expression, { name: 'immediate' }>['attributes']): void {
    if (data?.verdict !== undefined) {
      const verdict = verdictOf(data.verdict);
      const effect = effectOf(verdict);
      if (effect !== null) this.#does(verdictText(verdict), effect);
    } else if (data?.value !== undefined) {
      const { value } = data;
      this.#load(dreg, { text: '', type: 'bytes', length: value.length, read: () => knownBits(value) });
    }
  }

  #bitwise({
    sreg = -1,
    dreg,
    length = 4,
    mask,
    xor,
    operation = 0,
  }: Extract<Expression, { name: 'bitwise' }>['attributes']): void {
    const from = this.#registers.read(sreg, length);
    const ones = mask?.value;
    if (operation !== 0 || ones === undefined) {
      const text = `${from.text} shifted or combined`;
      this.#load(dreg, { text, type: 'bytes', length, read: () => unknownBits(length, text) });
      return;
    }
    const read = (packet: PassingPacket) => {
      const bits = from.read(packet);
      return bits === null ? null : masked(bits, ones, xor?.value);
    };
    this.#load(dreg, { ...from, length, read, mask: ones });
  }

  /** The element is there for later rules; the rule goes on if the set took it and its own expression, a limit, holds. */
  #fill({ set = '', operation }: Extract<Expression, { name: 'dynset' }>['attributes']): void {
    this.#does(`${operation === numbers.dynset.delete ? 'delete' : 'update'} @${set}`, {
      kind: 'fill',
      sets: [this.#keyOf(set)],
    });
    if (operation !== numbers.dynset.delete)
      this.parts.push({ kind: 'if', holds: () => `whether the set ${set} takes it, or a limit there` });
  }

  /** Sets of different tables may have the same name. */
  #keyOf(set: string): string {
    return `${this.#context.title} ${set}`;
  }

  #lookup({
    set = '',
    sreg = -1,
    dreg,
    flags = 0,
  }: Extract<Expression, { name: 'lookup' }>['attributes']): void {
    const { setNamed } = this.#context;
    const view = setNamed(set);
    if (view === null) {
      this.#if(`@${set}`, () => `the set ${set}, which cannot be read`);
      return;
    }
    const key = this.#registers.read(sreg, view.keyLength);
    const filled = this.#keyOf(set);
    const find = (packet: PassingPacket, bits: Bits): Found =>
      packet.filled?.includes(filled) === true
        ? { kind: 'depends', why: `what earlier rules put into ${set}`, candidates: null, mayBeAbsent: true }
        : view.lookUp(bits);
    const isInverted = (flags & numbers.lookupInverted) !== 0;
    if (dreg === undefined) {
      const text = () => `${key.text} ${isInverted ? '!= ' : ''}${view.textFor(key)}`;
      this.text.addLater(text);
      this.parts.push({
        kind: 'if',
        holds: (packet) => {
          const bits = key.read(packet);
          if (bits === null) return false;
          const found = find(packet, bits);
          return found.kind === 'depends' ? found.why : (found.kind === 'found') !== isInverted;
        },
      });
    } else if (dreg === 0) {
      this.text.addLater(() => `${key.text} vmap ${view.textFor(key)}`);
      this.matters = true;
      this.parts.push({
        kind: 'do',
        effect: (packet) => {
          const bits = key.read(packet);
          return bits === null ? null : verdictFrom(find(packet, bits));
        },
      });
    } else {
      const text = `${key.text} map @${set}`;
      const read = (packet: PassingPacket) => {
        const bits = key.read(packet);
        if (bits === null) return null;
        const found = find(packet, bits);
        if (found.kind === 'absent') return null;
        return found.kind === 'found' && found.element.data !== undefined
          ? knownBits(found.element.data)
          : unknownBits(view.dataLength, found.kind === 'depends' ? found.why : text);
      };
      this.#load(dreg, { text, type: 'bytes', length: view.dataLength, read });
    }
  }

  #setMark(kind: 'mark' | 'connection-mark', register: number): void {
    const from = this.#registers.read(register, 4);
    const name = kind === 'mark' ? 'meta mark' : 'ct mark';
    this.#does(`${name} set ${from.text === '' ? '…' : from.text}`, (packet) => {
      const bits = from.read(packet);
      if (bits === null) return null;
      const toggle: Mark = {
        value: host32(bits.bytes, 0),
        known: bits.known === null ? 0xffff_ffff : host32(bits.known, 0),
      };
      return { kind, clear: 0xffff_ffff, toggle };
    });
  }

  #nat({
    type,
    addressMin,
    addressMax,
    portMin,
    portMax,
    flags = 0,
  }: Extract<Expression, { name: 'nat' }>['attributes']): void {
    const kind = type === numbers.natType.dnat ? 'dnat' : 'snat';
    const { family } = this.#context;
    const width = family === 'IPv4' ? 4 : 16;
    const addresses =
      addressMin === undefined
        ? null
        : ([addressMin, addressMax ?? addressMin].map((register) =>
            this.#registers.read(register, width),
          ) as [Operand, Operand]);
    this.#translate(kind, flags, addresses, portMin, portMax, (address, ports) => ({ kind, address, ports }));
  }

  #translate(
    name: string,
    flags: number,
    addresses: readonly [Operand, Operand] | null,
    portMin: number | undefined,
    portMax: number | undefined,
    effect: (address: ReturnType<typeof addressFromBytes> | null, ports: PortSpan | 'any' | null) => Effect,
  ): void {
    const ports =
      portMin === undefined
        ? null
        : [portMin, portMax ?? portMin].map((register) => this.#registers.read(register, 2));
    const isRandom = (flags & (numbers.natFlags.random | numbers.natFlags['fully-random'])) !== 0;
    this.text.addLater(() => [name, natText(addresses?.[0] ?? null, ports?.[0] ?? null)].join(''));
    this.matters = true;
    this.parts.push({
      kind: 'do',
      effect: (packet) => {
        const values = [...(addresses ?? []), ...(ports ?? [])].map((operand) => operand.read(packet));
        if (values.includes(null)) return null;
        const bits = values as Bits[];
        const open = bits.find(({ known }) => known !== null);
        if (open !== undefined) return { kind: 'unknown', text: `${name} to what depends on ${open.why}` };
        const [first, last] = addresses === null ? [] : bits;
        if (first !== undefined && last !== undefined && Buffer.compare(first.bytes, last.bytes) !== 0)
          return { kind: 'unknown', text: `${name} to one of several addresses` };
        const [low, high] = ports === null ? [] : bits.slice(addresses === null ? 0 : 2);
        const span =
          low === undefined || high === undefined
            ? isRandom
              ? 'any'
              : null
            : (flags & numbers.natFlags['port-offset']) !== 0
              ? 'any'
              : { first: net16(low.bytes, 0), last: net16(high.bytes, 0) };
        return effect(first === undefined ? null : addressFromBytes(first.bytes), span);
      },
    });
  }

  #target({
    name = '',
    revision = 0,
    info = new Uint8Array(0),
  }: Extract<Expression, { name: 'target' }>['attributes']): void {
    const { family, end } = this.#context;
    const { text, effect } = xtTarget({ name, revision, info }, family);
    if (effect === null) this.text.add(text);
    else this.#does(text, typeof effect === 'function' ? (packet) => effect(packet, end) : effect);
  }
}

function natText(address: Operand | null, port: Operand | null): string {
  const texts = [address, port].map((one) => {
    if (one === null || one.text !== '') return one?.text ?? null;
    const bytes = one.read(NO_PACKET)?.bytes;
    if (bytes === undefined) return null;
    return one === port ? String(net16(bytes, 0)) : addressFromBytes(bytes);
  });
  const [to, at] = texts;
  if (to === null || to === undefined) return at === null || at === undefined ? '' : ` to :${at}`;
  if (at === null || at === undefined || at === to) return ` to ${to}`;
  return ` to ${to.includes(':') ? `[${to}]` : to}:${at}`;
}

/** Constants read nothing of it. */
const NO_PACKET = {} as PassingPacket;

/** Bytes that hold addresses or ports: a rule that writes them translates without connection tracking. */
function touchesEnds(base: number, offset: number, length: number): boolean {
  if (base === numbers.payloadBase.transport) return offset < 4;
  return base === numbers.payloadBase.network && offset + length > 8 && !(offset === 8 && length === 1);
}
