/** What is true of a value whoever renders it: its length in registers, its type, its order of bytes. */
import type { SetNode, Value } from './nodes.ts';

/** Data types by nft's numbers (`enum datatypes` of its datatype.h): they stand in NFTA_SET_KEY_TYPE for nft alone. */
const dataTypes = {
  integer: 4,
  ipv4_addr: 7,
  ipv6_addr: 8,
  inet_proto: 12,
  inet_service: 13,
  mark: 19,
  ifname: 41,
} as const;

/** Bits of a data type's number in that of a concatenation. */
const TYPE_BITS = 6;

/** NFT_DATA_VERDICT of include/uapi/linux/netfilter/nf_tables.h. */
export const VERDICT_TYPE = 0xffff_ff00;

export type ByteOrder = 'network' | 'host' | 'none';

/** The fields of a concatenation, or the one value. */
export function fieldsOf(value: Value): readonly Value[] {
  return value.kind === 'concat' ? value.fields : [value];
}

/** Bytes that the value has, without what pads it. */
export function lengthOf(value: Value): number {
  switch (value.kind) {
    case 'payload':
      return value.length;
    case 'meta':
      return value.key === 'l4proto' ? 1 : 16;
    case 'ct original':
      return value.key.startsWith('proto') ? 2 : value.family === 'IPv4' ? 4 : 16;
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
  return fieldsOf(value).reduce((type, field) => type * 2 ** TYPE_BITS + dataTypes[typeOf(field)], 0);
}

function typeOf(value: Value): keyof typeof dataTypes {
  switch (value.kind) {
    case 'payload':
      return typeOfField(value.field);
    case 'meta':
      return value.key === 'l4proto' ? 'inet_proto' : 'ifname';
    case 'ct':
      return value.key === 'mark' ? 'mark' : 'integer';
    case 'ct original':
      if (value.key.startsWith('proto')) return 'inet_service';
      return value.family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
    default:
      return 'integer';
  }
}

function typeOfField(field: Extract<Value, { kind: 'payload' }>['field']): keyof typeof dataTypes {
  switch (field) {
    case null:
      return 'integer';
    case 'ip saddr':
    case 'ip daddr':
      return 'ipv4_addr';
    case 'ip6 saddr':
    case 'ip6 daddr':
      return 'ipv6_addr';
    default:
      return 'inet_service';
  }
}

/** `none` for a concatenation, whose fields have one each. */
export function byteOrderOf(value: Value): ByteOrder {
  if (value.kind === 'concat') return 'none';
  if (value.kind === 'payload') return value.field === null ? 'none' : 'network';
  return value.kind === 'ct original' ? 'network' : 'host';
}

/**
 * True for a number that stands in host byte order in registers; a set of ranges compares from the first byte to
 * the last, so that it must be turned round before it is looked up there.
 */
export function isHostNumber(value: Value): boolean {
  return value.kind === 'numgen' || value.kind === 'jhash' || (value.kind === 'ct' && value.key === 'mark');
}
