/** Makes nodes: each frozen, with what is usually absent left out by the caller. */
import type { Family } from '../../../net/family.ts';
import type { Prefix } from '../../../net/prefix.ts';
import { type Protocol, protocolNumber } from '../../../net/protocol.ts';
import type { Verdict } from '../../../wire/nftables/element.ts';
import { ctStateBits, ctStatusBits, iif, type Load, l4proto, oif, sourceType } from './loads.ts';
import type {
  ChainNode,
  NatFlag,
  NatOperand,
  Refusal,
  RuleNode,
  SetNode,
  Statement,
  Value,
} from './nodes.ts';

const value = (node: Value): Value => Object.freeze(node);
const statement = (node: Statement): Statement => Object.freeze(node);

export function concat(...fields: readonly Value[]): Value {
  const flat = fields.flatMap((field) => (field.kind === 'concat' ? field.fields : [field]));
  return value({ kind: 'concat', fields: Object.freeze(flat) });
}

export function jhash(of: readonly Value[], modulus: number, seed: number): Value {
  return value({ kind: 'jhash', of: Object.freeze([...of]), modulus, seed });
}

export function lookup(key: Value, map: SetNode): Value {
  return value({ kind: 'lookup', key, map });
}

/** The piece of the header, with the result of the lookup in the place of its end. */
export function overlay(base: Value, key: Value, map: SetNode): Value {
  return value({ kind: 'overlay', base, end: Object.freeze({ kind: 'lookup', key, map }) });
}

export function protocolIs(protocol: Protocol, operator: '==' | '!=' = '=='): Statement {
  const operand = Uint8Array.of(protocolNumber[protocol]);
  return statement({ kind: 'match', value: l4proto, operator, operand, text: protocol.toLowerCase() });
}

export function networkIs(address: Load, prefix: Prefix): Statement {
  return statement({ kind: 'network', address, prefix, negated: false });
}

export function notNetwork(address: Load, prefix: Prefix): Statement {
  return statement({ kind: 'network', address, prefix, negated: true });
}

/** An interface by name, or by the beginning of its name. At most 15 bytes. */
export function interfaceIs(which: Value, name: string, isPrefix = false): Statement {
  const bytes = Buffer.from(name);
  const operand = Uint8Array.from({ length: isPrefix ? bytes.length : 16 }, (_, i) => bytes[i] ?? 0);
  const text = JSON.stringify(isPrefix ? `${name}*` : name);
  return statement({ kind: 'match', value: which, operator: '==', operand, text });
}

/** The loopback interface is the first of every network namespace: LOOPBACK_IFINDEX of include/net/flow.h. */
export const leavesByLoopback = statement({
  kind: 'match',
  value: oif,
  operator: '==',
  operand: new Uint8Array(Uint32Array.of(1).buffer),
  text: '"lo"',
});

/** The map has a number for the key, which is not 0. */
export function isFound(key: Value, map: SetNode): Statement {
  return statement({
    kind: 'match',
    value: lookup(key, map),
    operator: '!=',
    operand: new Uint8Array(4),
    text: '0',
  });
}

/** RTN_LOCAL of include/uapi/linux/rtnetlink.h: an address of this host. */
const RTN_LOCAL = 2;

export function sourceIsLocal(operator: '==' | '!='): Statement {
  const operand = new Uint8Array(Uint32Array.of(RTN_LOCAL).buffer);
  return statement({
    kind: 'match',
    value: sourceType,
    operator,
    operand,
    text: 'local',
  });
}

/** The packet is this node's own. */
export const entersNowhere = statement({
  kind: 'match',
  value: iif,
  operator: '==',
  operand: new Uint8Array(4),
  text: '0',
});

/** NF_CT_STATE_… as nft and the kernel have them in bits. */
const states = { invalid: 1, new: 8 } as const;

export function ctState(state: keyof typeof states): Statement {
  return statement({
    kind: 'bit',
    value: ctStateBits,
    bit: states[state],
    isSet: true,
    text: state,
  });
}

/** Connection tracking did not find the packet in a connection that it knows. */
export const beginsOrFitsNowhere = statement({
  kind: 'bit',
  value: ctStateBits,
  bit: states.invalid | states.new,
  isSet: true,
  text: 'invalid,new',
});

/** @param text `syn / syn,ack`: the bits that are set, of those that are looked at */
export function masked(
  value: Load,
  mask: number,
  bits: number,
  text: string,
  operator: '==' | '!=' = '==',
): Statement {
  return statement({ kind: 'masked', value, mask, operator, bits, text });
}

export const notrack = statement({ kind: 'notrack' });

/** IPS_DST_NAT of include/uapi/linux/netfilter/nf_conntrack_common.h: the destination was translated. */
const IPS_DST_NAT = 0x20;

export function translated(isSet: boolean): Statement {
  return statement({
    kind: 'bit',
    value: ctStatusBits,
    bit: IPS_DST_NAT,
    isSet,
    text: 'dnat',
  });
}

export function member(key: Value, set: SetNode): Statement {
  return statement({ kind: 'member', key, set, negated: false, guard: null });
}

export function notMember(key: Value, set: SetNode): Statement {
  return statement({ kind: 'member', key, set, negated: true, guard: null });
}

/** The first field of the key is in the guard, and the whole key in the set. */
export function guardedMember(guard: SetNode, key: Value, set: SetNode): Statement {
  return statement({ kind: 'member', key, set, negated: false, guard });
}

export function vmap(key: Value, map: SetNode): Statement {
  return statement({ kind: 'vmap', key, through: null, map });
}

/** The verdict for the second field of the value that `through` has for the key. */
export function vmapThrough(key: Value, through: SetNode, map: SetNode): Statement {
  return statement({ kind: 'vmap', key, through, map });
}

function verdict(one: Verdict): Statement {
  return statement({ kind: 'verdict', verdict: Object.freeze(one) });
}

export const drop = verdict({ code: 'drop' });
export const back = verdict({ code: 'return' });
export const jump = (chain: string): Statement => verdict({ code: 'jump', chain });
export const goto = (chain: string): Statement => verdict({ code: 'goto', chain });

/** Translates the destination to the address and port of the value. */
export function dnat(family: Family, to: Value): Statement {
  return nat('dnat', family, to, 'address . port');
}

/** Translates the source to the address of the value, and to one of the ports where some are given. */
export function snat(
  family: Family,
  to: Value,
  flags: readonly NatFlag[] = [],
  ports: Value | null = null,
): Statement {
  return nat('snat', family, to, 'address', flags, ports);
}

export function nat(
  type: 'snat' | 'dnat',
  family: Family,
  to: Value,
  operand: NatOperand,
  flags: readonly NatFlag[] = [],
  ports: Value | null = null,
): Statement {
  return statement({ kind: 'nat', type, family, to, operand, ports, flags: Object.freeze([...flags]) });
}

export function masquerade(flags: readonly NatFlag[], ports: Value | null = null): Statement {
  return statement({ kind: 'masquerade', ports, flags: Object.freeze([...flags]) });
}

export function reject(family: Family, how: Refusal): Statement {
  return statement({ kind: 'reject', family, with: how });
}

export function dynset(
  operation: 'update' | 'delete',
  set: SetNode,
  key: Value,
  data: Value | null,
  timeout: number | null = null,
): Statement {
  return statement({ kind: 'dynset', operation, set, key, data, timeout });
}

export function affinity(of: Omit<Extract<Statement, { kind: 'affinity' }>, 'kind'>): Statement {
  return statement({ kind: 'affinity', ...of });
}

export function rule(...statements: readonly Statement[]): RuleNode {
  return Object.freeze({ statements: Object.freeze(statements), comment: null });
}

export function commented(comment: string, ...statements: readonly Statement[]): RuleNode {
  return Object.freeze({ statements: Object.freeze(statements), comment });
}

/** A chain that others jump to. */
export function chain(name: string, comment: string | null, ...rules: readonly RuleNode[]): ChainNode {
  return Object.freeze({ name, comment, base: null, rules: Object.freeze(rules) });
}

export function baseChain(
  name: string,
  base: NonNullable<ChainNode['base']>,
  ...rules: readonly RuleNode[]
): ChainNode {
  return Object.freeze({ name, comment: null, base: Object.freeze(base), rules: Object.freeze(rules) });
}

type SetOptions = Partial<Pick<SetNode, 'data' | 'interval' | 'intervalData' | 'dynamicSize'>>;

export function set(name: string, key: Value, comment: string, options: SetOptions = {}): SetNode {
  const plain = { data: null, interval: false, intervalData: false, dynamicSize: null };
  return Object.freeze({ name, key, comment, ...plain, ...options });
}
