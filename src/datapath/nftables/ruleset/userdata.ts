/**
 * What nft keeps with an object for itself, so that it can list it as it was written: comments, and what `typeof` said of
 * a set's keys and values. The kernel does not look at it. Types are libnftnl's and nft's (`enum nftnl_udata_types`,
 * `nftnl_udata_set_types`; the `…_UDATA_…` enums beside each expression); numbers are in host byte order.
 */
import { ByteWriter } from '../../../wire/bytes.ts';
import type { SetNode, Value } from './nodes.ts';
import { byteOrderOf } from './values.ts';

/** NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT and NFTNL_UDATA_RULE_COMMENT. */
const COMMENT = 0;

/** `enum nftnl_udata_set_types` */
const ofSet = {
  keyByteOrder: 0,
  dataByteOrder: 1,
  keyTypeof: 3,
  dataTypeof: 4,
  dataInterval: 6,
  comment: 7,
} as const;

/** `enum byteorder` of nft. */
const byteOrders = { none: 0, host: 1, network: 2 } as const;

/** `enum expr_types` of nft. */
const expressionTypes = { verdict: 1, payload: 7, meta: 9, ct: 12, concat: 13, numgen: 23 } as const;

/** Of a payload's userdata: the protocol header (`enum proto_desc_id`) and the field in nft's template of it. */
const fields = {
  'ip saddr': [12, 11],
  'ip daddr': [12, 12],
  'ip6 saddr': [13, 8],
  'ip6 daddr': [13, 9],
  'th sport': [11, 1],
  'th dport': [11, 2],
} as const;

/** `enum proto_bases`: nft counts the link layer. */
const NETWORK_HEADER = 2;

const metaKeys = { iifname: 6, oifname: 7, l4proto: 16 } as const;
const CT_MARK = 3;
const NO_DIRECTION = 0xffff_ffff;
const NUMGEN_RANDOM = 1;

export function commentUserdata(comment: string): Uint8Array {
  const writer = new ByteWriter();
  text(writer, COMMENT, comment);
  return writer.written.slice();
}

export function setUserdata({ key, data, intervalData, comment }: SetNode): Uint8Array {
  const writer = new ByteWriter();
  number(writer, ofSet.keyByteOrder, byteOrders[byteOrderOf(key)]);
  if (data !== null) {
    number(writer, ofSet.dataByteOrder, data === 'verdict' ? byteOrders.none : byteOrders[byteOrderOf(data)]);
  }
  nested(writer, ofSet.keyTypeof, (to) => typeOf(to, key));
  if (data !== null) {
    nested(writer, ofSet.dataTypeof, (to) => typeOf(to, data));
    number(writer, ofSet.dataInterval, Number(intervalData));
  }
  text(writer, ofSet.comment, comment);
  return writer.written.slice();
}

/** NFTNL_UDATA_SET_TYPEOF_EXPR and NFTNL_UDATA_SET_TYPEOF_DATA. */
function typeOf(writer: ByteWriter, value: Value | 'verdict'): void {
  const kind = value === 'verdict' ? value : value.kind;
  if (!(kind in expressionTypes)) throw new RangeError(`a set cannot be declared by typeof ${kind}`);
  number(writer, 0, expressionTypes[kind as keyof typeof expressionTypes]);
  nested(writer, 1, (to) => {
    if (value !== 'verdict') describe(to, value);
  });
}

function describe(writer: ByteWriter, value: Value): void {
  if (value.kind === 'payload' && value.field !== null) {
    const [header, field] = fields[value.field];
    numbers(writer, header, field);
  } else if (value.kind === 'payload') {
    numbers(writer, 0, 0, NETWORK_HEADER, value.offset * 8, value.length * 8);
  } else if (value.kind === 'meta') numbers(writer, metaKeys[value.key]);
  else if (value.kind === 'ct') numbers(writer, CT_MARK, NO_DIRECTION);
  else if (value.kind === 'numgen') numbers(writer, NUMGEN_RANDOM, value.modulus, value.offset);
  else if (value.kind === 'concat') {
    for (const [index, field] of value.fields.entries()) nested(writer, index, (to) => typeOf(to, field));
  }
}

/** Attributes 0, 1, 2 … with these numbers. */
function numbers(writer: ByteWriter, ...all: readonly number[]): void {
  for (const [type, value] of all.entries()) number(writer, type, value);
}

function number(writer: ByteWriter, type: number, value: number): void {
  writer.u8(type);
  writer.u8(4);
  writer.host32(value);
}

function text(writer: ByteWriter, type: number, value: string): void {
  const bytes = Buffer.from(value);
  writer.u8(type);
  writer.u8(bytes.length + 1);
  writer.text(value);
}

/** A nest has a length of one byte. */
function nested(writer: ByteWriter, type: number, write: (to: ByteWriter) => void): void {
  const inner = new ByteWriter();
  write(inner);
  if (inner.length > 0xff) throw new RangeError(`userdata of ${inner.length} bytes, a nest has at most 255`);
  writer.u8(type);
  writer.u8(inner.length);
  writer.raw(inner.written);
}
