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

/** `enum expr_types` of nft, of what is no `Load`. */
const expressionTypes = { verdict: 1, concat: 13 } as const;

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
  if (value === 'verdict') {
    number(writer, 0, expressionTypes.verdict);
    nested(writer, 1, () => {});
  } else if (value.kind === 'concat') {
    number(writer, 0, expressionTypes.concat);
    nested(writer, 1, (to) => {
      for (const [index, field] of value.fields.entries()) nested(to, index, (inner) => typeOf(inner, field));
    });
  } else if (value.kind === 'load' && value.typeof !== null) {
    const { expression, attributes } = value.typeof;
    number(writer, 0, expression);
    nested(writer, 1, (to) => {
      for (const [type, attribute] of attributes.entries()) number(to, type, attribute);
    });
  } else throw new RangeError(`a set cannot be declared by typeof ${value.kind}`);
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
