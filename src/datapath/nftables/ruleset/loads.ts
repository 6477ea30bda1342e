/**
 * What one expression loads: of the packet, of its connection, or a random number. Each stands here once, with all that the renderers
 * need: the expression for the kernel, its bytes, nft's words and type, and what `typeof` keeps of it.
 */
import type { Family } from '../../../net/family.ts';
import { type Expression, numbers } from '../../../wire/nftables/expressions.ts';

/** Data types by nft's numbers (`enum datatypes` of its datatype.h): they stand in NFTA_SET_KEY_TYPE for nft alone. */
const dataTypes = {
  integer: 4,
  ipv4_addr: 7,
  ipv6_addr: 8,
  inet_proto: 12,
  inet_service: 13,
  mark: 19,
  ifindex: 20,
  ifname: 41,
} as const;

/** `enum expr_types` of nft. */
const typeofs = { payload: 7, meta: 9, ct: 12, numgen: 23 } as const;

export type ByteOrder = 'network' | 'host' | 'none';

export interface Load {
  readonly kind: 'load';
  /** In nft's words. */
  readonly text: string;
  /** Bytes, without what pads them to registers. */
  readonly length: number;
  /** nft's number of the type. */
  readonly type: number;
  readonly byteOrder: ByteOrder;
  /** What nft keeps of it where a set is declared by it: its kind of expression, and attributes 0, 1, 2 … of that. */
  readonly typeof: { readonly expression: number; readonly attributes: readonly number[] } | null;
  /** Loads it into the register. */
  readonly expression: (dreg: number) => Expression;
}

function load(
  text: string,
  length: number,
  type: keyof typeof dataTypes,
  byteOrder: ByteOrder,
  expression: Load['expression'],
  kept: readonly [keyof typeof typeofs, ...number[]] | null = null,
): Load {
  const [name, ...attributes] = kept ?? [];
  const declared = name === undefined ? null : { expression: typeofs[name], attributes };
  return Object.freeze({
    kind: 'load',
    text,
    length,
    type: dataTypes[type],
    byteOrder,
    typeof: declared,
    expression,
  });
}

/** @param kept the protocol header (`enum proto_desc_id` of nft) and the field in nft's template of it */
function payload(
  text: string,
  base: keyof typeof numbers.payloadBase,
  [offset, length]: readonly [number, number],
  type: keyof typeof dataTypes,
  kept: readonly number[],
): Load {
  const attributes = { base: numbers.payloadBase[base], offset, length };
  const byteOrder = type === 'integer' ? 'none' : 'network';
  const expression = (dreg: number) => ({ name: 'payload', attributes: { dreg, ...attributes } }) as const;
  return load(text, length, type, byteOrder, expression, ['payload', ...kept]);
}

/** The first bytes of an address. */
export function beginningOf(address: Load, length: number): Load {
  const expression = (dreg: number): Expression => {
    const whole = address.expression(dreg);
    if (whole.name !== 'payload') throw new TypeError(`${address.text} is no part of a packet`);
    return { name: 'payload', attributes: { ...whole.attributes, length } };
  };
  return Object.freeze({ ...address, length, expression });
}

/** RFC 791, RFC 8200. */
export const addresses = {
  IPv4: {
    saddr: payload('ip saddr', 'network', [12, 4], 'ipv4_addr', [12, 11]),
    daddr: payload('ip daddr', 'network', [16, 4], 'ipv4_addr', [12, 12]),
  },
  IPv6: {
    saddr: payload('ip6 saddr', 'network', [8, 16], 'ipv6_addr', [13, 8]),
    daddr: payload('ip6 daddr', 'network', [24, 16], 'ipv6_addr', [13, 9]),
  },
} as const satisfies Record<Family, Record<'saddr' | 'daddr', Load>>;

export const sport = payload('th sport', 'transport', [0, 2], 'inet_service', [11, 1]);
export const dport = payload('th dport', 'transport', [2, 2], 'inet_service', [11, 2]);

/** RFC 9293 and RFC 9260: the flags of a segment, the type of the first chunk of an SCTP packet. */
export const tcpFlags = payload('tcp flags', 'transport', [13, 1], 'integer', []);
export const firstChunk = payload('@th,96,8', 'transport', [12, 1], 'integer', []);

/** `enum proto_bases`: nft counts the link layer. */
const NETWORK_HEADER = 2;

/** Bytes of the network header that nft has no name for in this use. */
export function header(offset: number, length: number): Load {
  const [from, bits] = [offset * 8, length * 8];
  return payload(`@nh,${from},${bits}`, 'network', [offset, length], 'integer', [
    0,
    0,
    NETWORK_HEADER,
    from,
    bits,
  ]);
}

function meta(
  key: keyof typeof numbers.metaKey,
  text: string,
  length: number,
  type: keyof typeof dataTypes,
): Load {
  const number = numbers.metaKey[key];
  const expression = (dreg: number) => ({ name: 'meta', attributes: { dreg, key: number } }) as const;
  return load(text, length, type, 'host', expression, ['meta', number]);
}

export const l4proto = meta('l4proto', 'meta l4proto', 1, 'inet_proto');
export const iifname = meta('iifname', 'iifname', 16, 'ifname');
export const oifname = meta('oifname', 'oifname', 16, 'ifname');
export const iif = meta('iif', 'iif', 4, 'ifindex');
export const oif = meta('oif', 'oif', 4, 'ifindex');

const NO_DIRECTION = 0xffff_ffff;

function ct(key: 'state' | 'status' | 'mark'): Load {
  const number = numbers.ctKey[key];
  const expression = (dreg: number) => ({ name: 'ct', attributes: { dreg, key: number } }) as const;
  return load(`ct ${key}`, 4, key === 'mark' ? 'mark' : 'integer', 'host', expression, [
    'ct',
    number,
    NO_DIRECTION,
  ]);
}

export const ctMark = ct('mark');
export const ctStateBits = ct('state');
export const ctStatusBits = ct('status');

/** Of the tuple of the original direction: what was dialled, and by whom. */
export function original(family: Family, key: 'saddr' | 'daddr' | 'proto-src' | 'proto-dst'): Load {
  const isPort = key === 'proto-src' || key === 'proto-dst';
  const number = isPort ? numbers.ctKey[key] : numbers.ctAddress[family][key];
  const attributes = { key: number, direction: numbers.ctOriginal };
  const expression = (dreg: number) => ({ name: 'ct', attributes: { dreg, ...attributes } }) as const;
  if (isPort) return load(`ct original ${key}`, 2, 'inet_service', 'network', expression);
  return family === 'IPv4'
    ? load(`ct original ip ${key}`, 4, 'ipv4_addr', 'network', expression)
    : load(`ct original ip6 ${key}`, 16, 'ipv6_addr', 'network', expression);
}

/** The type of the source address: RTN_LOCAL for one of this host. */
export const sourceType = load('fib saddr type', 4, 'integer', 'host', (dreg) => ({
  name: 'fib',
  attributes: { dreg, result: numbers.fibResult.type, flags: numbers.fibFlags.saddr },
}));

function numgen(mode: 'random' | 'inc', modulus: number, offset: number): Load {
  const text = `numgen ${mode} mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`;
  const type = numbers.numgenType[mode];
  const expression = (dreg: number) =>
    ({ name: 'numgen', attributes: { dreg, modulus, type, offset } }) as const;
  return load(text, 4, 'integer', 'host', expression, ['numgen', type, modulus, offset]);
}

/** A random number below `modulus`, plus the offset. */
export function random(modulus: number, offset = 0): Load {
  return numgen('random', modulus, offset);
}

/** A number of a counter that goes round below `modulus`, plus the offset: with 1, the offset. */
export function counting(modulus: number, offset = 0): Load {
  return numgen('inc', modulus, offset);
}

/** A random slot below `count`; of a single one without the cost of a random number. */
export function slotBelow(count: number, offset: number): Load {
  return count === 1 ? counting(1, offset) : random(count, offset);
}
