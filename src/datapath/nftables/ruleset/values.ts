/** What is true of a value whoever renders it: its length in registers, its type, its order of bytes. */
import type { ByteOrder } from './loads.ts';
import type { SetNode, Value } from './nodes.ts';

/** nft's number of the type `integer`. */
const INTEGER = 4;

/** Bits of a data type's number in that of a concatenation. */
const TYPE_BITS = 6;

/** NFT_DATA_VERDICT of include/uapi/linux/netfilter/nf_tables.h. */
export const VERDICT_TYPE = 0xffff_ff00;

/** The fields of a concatenation, or the one value. */
export function fieldsOf(value: Value): readonly Value[] {
  return value.kind === 'concat' ? value.fields : [value];
}

/** Bytes that the value has, without what pads it. */
export function lengthOf(value: Value): number {
  switch (value.kind) {
    case 'load':
      return value.length;
    case 'concat':
      return value.fields.reduce((sum, field) => sum + paddedLengthOf(field), 0);
    case 'lookup':
      return dataLengthOf(value.map);
    case 'overlay':
      return lengthOf(value.base);
    default:
      return 4;
  }
}

/** Bytes that the value takes in registers of 4. */
export function paddedLengthOf(value: Value): number {
  return (lengthOf(value) + 3) & ~3;
}

/** Bytes of a map's value: of ranges, both ends. 0 for verdicts and sets. */
export function dataLengthOf({ data, intervalData }: SetNode): number {
  if (data === null || data === 'verdict') return 0;
  const length = data.kind === 'concat' || intervalData ? paddedLengthOf(data) : lengthOf(data);
  return intervalData ? 2 * length : length;
}

/** nft's number of the value's type. */
export function dataTypeOf(value: Value): number {
  const typeOf = (field: Value) => (field.kind === 'load' ? field.type : INTEGER);
  return fieldsOf(value).reduce((type, field) => type * 2 ** TYPE_BITS + typeOf(field), 0);
}

/** `none` for a concatenation, whose fields have one each. */
export function byteOrderOf(value: Value): ByteOrder {
  if (value.kind === 'concat') return 'none';
  return value.kind === 'load' ? value.byteOrder : 'host';
}

/**
 * True for a number that stands in host byte order in registers; a set of ranges compares from the first byte to
 * the last, so that it must be turned round before it is looked up there.
 */
export function isHostNumber(value: Value): boolean {
  return byteOrderOf(value) === 'host' && lengthOf(value) === 4;
}
