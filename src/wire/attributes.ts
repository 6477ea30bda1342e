/**
 * Netlink attributes (include/uapi/linux/netlink.h, `struct nlattr`).
 *
 * Framing: 2 bytes length (with header, without padding), 2 bytes type, payload, zeros to a multiple of 4. Length and
 * type are in host byte order; the codec decides about the payload. The two high bits of the type are flags
 * (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
 *
 * All functions are pure, and decoding copies. A wrong length throws `Malformed`; unknown attributes are kept in
 * `unknown`.
 */
import { addressBytes, addressFromBytes, type IpAddress } from '../net/address.ts';
import { type ByteWriter, host16, host32, net16, net32, net64, textOf } from './bytes.ts';
import { malformed } from './errors.ts';

export const NLA_F_NESTED = 0x8000;
/** The type without the flags. */
export const NLA_TYPE_MASK = 0x3fff;
/** Bytes of an attribute's header. */
export const NLA_HEADER = 4;

/** Reads and writes one kind of payload. `nested`: the payload consists of attributes. */
export interface Codec<T> {
  readonly nested?: true;
  /** Reads `bytes` from `start` to before `end`. */
  read(bytes: Uint8Array, start: number, end: number, name: string): T;
  write(writer: ByteWriter, value: T): void;
}

/** An attribute's number, its name in the kernel's header, and its codec. */
export type Row<T = unknown> = readonly [number: number, name: string, codec: Codec<T>];

export interface UnknownAttribute {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The plain data of a nest: one property for each present attribute. */
export type Decoded<Rows extends Record<string, Row>> = {
  readonly [Key in keyof Rows]?: Rows[Key] extends readonly [number, string, Codec<infer T>] ? T : never;
} & { readonly unknown?: readonly UnknownAttribute[] };

/** A nest: its table, and the codec made from it. */
export interface Nest<Rows extends Record<string, Row>> extends Codec<Decoded<Rows>> {
  readonly nested: true;
  readonly rows: Rows;
}

/** Calls back with the number and the payload bounds of each attribute. */
export function eachAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  name: string,
  visit: (type: number, start: number, end: number) => void,
): void {
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, name);
    visit(host16(bytes, at + 2) & NLA_TYPE_MASK, at + NLA_HEADER, stop);
    at += (stop - at + 3) & ~3;
  }
}

/** The end of the attribute at `at`, without padding. Throws Malformed when it is not before `end`. */
export function attributeEnd(bytes: Uint8Array, at: number, end: number, name: string): number {
  const left = end - at;
  if (left < NLA_HEADER) throw malformed(`${name}: ${left} bytes are left, an attribute has ${NLA_HEADER}`);
  const length = host16(bytes, at);
  if (length < NLA_HEADER || length > left)
    throw malformed(`${name}: attribute of ${length} bytes in ${left}`);
  return at + length;
}

export function nest<const Rows extends Record<string, Row>>(rows: Rows): Nest<Rows> {
  const byNumber: [string, string, Codec<unknown>][] = [];
  for (const [key, [number, name, codec]] of Object.entries(rows)) byNumber[number] = [key, name, codec];
  return {
    nested: true,
    rows,
    read(bytes, start, end, nestName) {
      const decoded: Record<string, unknown> = {};
      const unknown: UnknownAttribute[] = [];
      eachAttribute(bytes, start, end, nestName, (type, from, to) => {
        const row = byNumber[type];
        if (row === undefined) unknown.push({ type, bytes: bytes.slice(from, to) });
        else if (row[2] !== skipped) decoded[row[0]] = row[2].read(bytes, from, to, row[1]);
      });
      if (unknown.length > 0) decoded.unknown = unknown;
      return decoded as Decoded<Rows>;
    },
    write(writer, value) {
      const values = value as Record<string, unknown>;
      for (const [key, [number, , codec]] of Object.entries(rows)) {
        if (values[key] !== undefined) writeAttribute(writer, number, codec, values[key]);
      }
      for (const { type, bytes } of value.unknown ?? []) writeAttribute(writer, type, binary, bytes);
    },
  };
}

export function writeAttribute<T>(writer: ByteWriter, number: number, codec: Codec<T>, value: T): void {
  const start = writer.open(codec.nested ? number | NLA_F_NESTED : number);
  codec.write(writer, value);
  writer.close(start);
}

/** Written with this number (NFTA_LIST_ELEM), read with any: libnftnl numbers its items, the kernel ignores it. */
export function list<T>(number: number, codec: Codec<T>): Codec<readonly T[]> {
  return {
    nested: true,
    read(bytes, start, end, name) {
      const items: T[] = [];
      eachAttribute(bytes, start, end, name, (_type, from, to) =>
        items.push(codec.read(bytes, from, to, name)),
      );
      return items;
    },
    write(writer, items) {
      for (const item of items) writeAttribute(writer, number, codec, item);
    },
  };
}

function fixed<T>(
  length: number,
  read: (bytes: Uint8Array, at: number) => T,
  write: Codec<T>['write'],
): Codec<T> {
  return {
    read(bytes, start, end, name) {
      if (end - start !== length) throw malformed(`${name}: ${end - start} bytes, not ${length}`);
      return read(bytes, start);
    },
    write,
  };
}

export const u8 = fixed<number>(
  1,
  (bytes, at) => bytes[at] as number,
  (writer, value) => writer.u8(value),
);
export const be16 = fixed<number>(2, net16, (writer, value) => writer.net16(value));
export const be32 = fixed<number>(4, net32, (writer, value) => writer.net32(value));
export const be64 = fixed<bigint>(8, net64, (writer, value) => writer.net64(value));
export const u32 = fixed<number>(4, host32, (writer, value) => writer.host32(value));
/** Signed, in network byte order. */
export const sbe32 = fixed<number>(
  4,
  (bytes, at) => net32(bytes, at) | 0,
  (writer, value) => writer.net32(value),
);

/** NUL-terminated; the kernel pads some strings with more NULs. */
export const string: Codec<string> = {
  read: (bytes, start, end) => textOf(bytes, start, end),
  write: (writer, value) => writer.text(value),
};

/** A copy of the bytes. */
export const binary: Codec<Uint8Array> = {
  read: (bytes, start, end) => bytes.slice(start, end),
  write: (writer, value) => writer.raw(value),
};

/** 4 or 16 bytes in network byte order. */
export const address: Codec<IpAddress> = {
  read(bytes, start, end, name) {
    if (end - start !== 4 && end - start !== 16)
      throw malformed(`${name}: ${end - start} bytes, not 4 or 16`);
    return addressFromBytes(bytes.subarray(start, end));
  },
  write: (writer, value) => writer.raw(addressBytes(value)),
};

/** Not read: padding that aligns the next attribute to 8 bytes (NFTA_…_PAD), or unused content. */
export const skipped: Codec<never> = {
  read: () => undefined as never,
  write: () => {},
};
