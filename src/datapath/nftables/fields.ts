/**
 * The fields of keys and values: what a rule loads for each, and how its content lies in registers. Every field fills whole
 * registers of 4 bytes, so that the fields of a concatenation lie one behind the other.
 */
import { addressFromBytes, type IpAddress, numberBytes, putAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type Port, type PortSpan, parsePort } from '../../net/port.ts';
import { type Protocol, protocolFromNumber, protocolNumber } from '../../net/protocol.ts';
import { hex, host32, net16, net32, putHost32, putNet16, putNet32, textOf } from '../../wire/bytes.ts';
import { concat } from './ruleset/build.ts';
import { addresses, ctMark, dport, header, iifname, l4proto, random, sport } from './ruleset/loads.ts';
import type { Value } from './ruleset/nodes.ts';
import { paddedLengthOf } from './ruleset/values.ts';

/** `Given` is what a renderer gives, `Found` what is read back. */
export interface Field<Given = unknown, Found = unknown> {
  /** What a rule loads, and what `typeof` says in a declaration. */
  readonly value: Value;
  /** Bytes in registers. */
  readonly width: number;
  /** Stores all `width` bytes. */
  write(bytes: Uint8Array, at: number, content: Given): void;
  /** Null for bytes that no content has. */
  read(bytes: Uint8Array, at: number): Found | null;
  /** For people, in nft's words where it has some. */
  text(bytes: Uint8Array, at: number): string;
  /** Of a range, where that is not `first-last`. */
  rangeText?(first: Uint8Array, last: Uint8Array, at: number): string;
}

export type Fields = readonly Field[];

/** The contents of fields as a renderer gives them. */
export type Given<F extends Fields> = {
  readonly [Index in keyof F]: F[Index] extends Field<infer Content, unknown> ? Content : never;
};
/** The contents of fields as they are read back. */
export type Found<F extends Fields> = {
  readonly [Index in keyof F]: F[Index] extends Field<never, infer Content> ? Content : never;
};

/** What a rule loads for all of the fields. */
export function loadOf(fields: Fields): Value {
  const [first, ...others] = fields.map(({ value }) => value);
  if (first === undefined) throw new TypeError('a key or value without fields');
  return others.length === 0 ? first : concat(first, ...others);
}

/** Bytes that the fields take. */
export function widthOf(fields: Fields): number {
  return fields.reduce((sum, { width }) => sum + width, 0);
}

/** Stores the contents one behind the other, from `at` on. */
export function pack<F extends Fields>(fields: F, contents: Given<F>, into: Uint8Array, at = 0): void {
  let place = at;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as Field;
    field.write(into, place, contents[index]);
    place += field.width;
  }
}

/** The contents; null where a field has none, or where the bytes are not as many as the fields take. */
export function unpack<F extends Fields>(fields: F, bytes: Uint8Array): Found<F> | null {
  const contents: unknown[] = [];
  let at = 0;
  for (const field of fields) {
    const content = at + field.width <= bytes.length ? field.read(bytes, at) : null;
    if (content === null) return null;
    contents.push(content);
    at += field.width;
  }
  return at === bytes.length ? (contents as unknown as Found<F>) : null;
}

/** `203.0.113.7 . tcp . 25`; of a range, the fields that differ with both of their ends. */
export function fieldsText(fields: Fields, first: Uint8Array, last = first): string {
  let at = 0;
  return fields
    .map((field) => {
      const place = at;
      at += field.width;
      if (field.rangeText !== undefined) return field.rangeText(first, last, place);
      const [from, to] = [field.text(first, place), field.text(last, place)];
      return from === to ? from : `${from}-${to}`;
    })
    .join(' . ');
}

/** An address as text, as a number, or as its bytes where it is written often. */
export type AddressGiven = IpAddress | bigint | Uint8Array;
/** Bytes that fill what a name does not: 0xff in the last name of those with one beginning. */
export interface InterfaceName {
  readonly name: string;
  readonly fill: 0 | 0xff;
}

function field<Given, Found>(
  value: Value,
  { write, read, text, ...rest }: Omit<Field<Given, Found>, 'value' | 'width'>,
): Field<Given, Found> {
  return Object.freeze({ value, width: paddedLengthOf(value), write, read, text, ...rest });
}

function address(family: Family, value: Value): Field<AddressGiven, IpAddress> {
  const length = paddedLengthOf(value);
  const read = (bytes: Uint8Array, at: number) => addressFromBytes(bytes.subarray(at, at + length));
  return field<AddressGiven, IpAddress>(value, {
    write: (bytes, at, given) => {
      if (typeof given === 'string') {
        putAddress(bytes, at, given);
        return;
      }
      const from = typeof given === 'bigint' ? numberBytes(family, given) : given;
      for (let i = 0; i < length; i++) bytes[at + i] = from[i] as number;
    },
    read,
    text: read,
  });
}

/** A number of 32 bits in host byte order, as marks and slots are. */
function hostNumber(value: Value, text: (number: number) => string): Field<number, number> {
  return field<number, number>(value, {
    write: putHost32,
    read: host32,
    text: (bytes, at) => text(host32(bytes, at)),
  });
}

/** A port, in network byte order. */
function port(value: Value): Field<number, Port> {
  return field<number, Port>(value, {
    write: (bytes, at, number) => putNet32(bytes, at, number * 65536),
    read: (bytes, at) => parsePort(net16(bytes, at)),
    text: (bytes, at) => String(net16(bytes, at)),
  });
}

/** By its IANA number; of another protocol than ours there is nothing to be read. */
const protocol = field<Protocol | number, Protocol>(l4proto, {
  write: (bytes, at, given) => {
    putHost32(bytes, at, 0);
    bytes[at] = typeof given === 'number' ? given : protocolNumber[given];
  },
  read: (bytes, at) => protocolFromNumber(bytes[at] as number),
  text: (bytes, at) => protocolFromNumber(bytes[at] as number)?.toLowerCase() ?? String(bytes[at]),
});

/** Bytes of an interface's name: IFNAMSIZ. */
const INTERFACE_NAME = 16;

const interfaceName = field<InterfaceName, string>(iifname, {
  write: (bytes, at, { name, fill }) => {
    const text = Buffer.from(name);
    for (let i = 0; i < INTERFACE_NAME; i++) bytes[at + i] = text[i] ?? fill;
  },
  read: (bytes, at) => textOf(bytes, at, at + INTERFACE_NAME),
  text: (bytes, at) => `"${textOf(bytes, at, at + INTERFACE_NAME)}"`,
  rangeText: (first, last, at) => {
    const end = last[at + INTERFACE_NAME - 1] === 0xff ? '*' : '';
    return `"${textOf(first, at, at + INTERFACE_NAME)}${end}"`;
  },
});

/** Bytes of the name that a list of sources has: two registers. */
export const LIST_NAME_BYTES = 8;

const list = field<Uint8Array, Uint8Array>(concat(ctMark, ctMark), {
  write: (bytes, at, name) => bytes.set(name, at),
  read: (bytes, at) => bytes.slice(at, at + LIST_NAME_BYTES),
  text: (bytes, at) => hex(bytes.subarray(at, at + LIST_NAME_BYTES)),
});

/** Numbers by which a range of ports is drawn: as many as there are ports, so that a range of one port has one too. */
export const DRAWN = 65536;

/** A random number, turned into network byte order since ranges of it are compared. */
const drawn = field<number, number>(random(DRAWN), {
  write: putNet32,
  read: net32,
  text: (bytes, at) => String(net32(bytes, at)),
});

/** A first and a last port, as `snat` and `masquerade` take them from registers. */
const ports = field<PortSpan, PortSpan>(concat(dport, dport), {
  write: (bytes, at, { first, last }) => {
    putNet32(bytes, at, first * 65536);
    putNet32(bytes, at + 4, last * 65536);
  },
  read: (bytes, at) => ({ first: net16(bytes, at), last: net16(bytes, at + 4) }),
  text: (bytes, at) => `${net16(bytes, at)}-${net16(bytes, at + 4)}`,
});

/**
 * The number of a chain, as the second of two fields: so it comes to lie where the key had the port, as which it is looked
 * up (`vmapThrough`).
 */
const chainNumber = field<number, number>(concat(dport, dport), {
  write: (bytes, at, number) => {
    putNet32(bytes, at, 0);
    putNet32(bytes, at + 4, number * 65536);
  },
  read: (bytes, at) => net16(bytes, at + 4),
  text: (bytes, at) => String(net16(bytes, at + 4)),
});

/** The same number as the only field of a key: the kernel has such a key without what fills its register. */
const numberOfChain: Field<number, number> = Object.freeze({
  ...field<number, number>(dport, {
    write: putNet16,
    read: net16,
    text: (bytes, at) => String(net16(bytes, at)),
  }),
  width: 2,
});

function byte(value: Value): Field<number, number> {
  return field<number, number>(value, {
    write: (bytes, at, number) => putNet32(bytes, at, number * 2 ** 24),
    read: (bytes, at) => bytes[at] as number,
    text: (bytes, at) => String(bytes[at]),
  });
}

/** The slot that an endpoint lies in, in the key of its map. */
const slot = hostNumber(random(65536), String);
/** The id of an endpoint of session affinity; `ct mark` stands for any number of 32 bits. */
const id = hostNumber(ctMark, (number) => `0x${number.toString(16)}`);

/** A number of 32 bits stands for what `typeof` cannot name: a hash. */
const hash = hostNumber(random(2), String);

function makeFields(family: Family) {
  const [source, length] = family === 'IPv4' ? [12, 4] : [8, 16]; // RFC 791, RFC 8200
  const saddr = address(family, addresses[family].saddr);
  const daddr = address(family, addresses[family].daddr);
  const [sourcePort, destinationPort] = [port(sport), port(dport)];
  /** This byte of the source, and the same of the destination. */
  const hairpinByte = (index: number) =>
    [byte(header(source + index, 1)), byte(header(source + length + index, 1))] as const;
  /**
   * The client of a frontend in 16 bytes. nft 1.0.6 lists and writes longer keys of a map over its value (its register
   * allocation counts 16 bytes for any key), so IPv6 has source and destination as two hashes of 32 bits each.
   */
  const pair: readonly Field<never>[] = family === 'IPv4' ? [saddr, daddr] : [hash, hash];
  return Object.freeze({
    saddr,
    daddr,
    protocol,
    client: [...pair, protocol, destinationPort],
    /** Address, protocol and port that a packet is sent to. */
    frontend: [daddr, protocol, destinationPort],
    /** Address and port that a packet is sent on to. */
    endpoint: [daddr, destinationPort],
    /** What a pod sends from. */
    sender: [saddr, protocol, sourcePort],
    /** What EgressRules look at. */
    cell: [saddr, daddr, protocol, destinationPort],
    /** Of any packet a random number by its protocol, by which a range of ports is drawn. */
    draw: [protocol, drawn],
    ports,
    chainNumber,
    numberOfChain,
    slot,
    id,
    list,
    interfaceName,
    hairpinByte,
    /** Where the source address lies in the header, with the destination behind it, and bytes of an address. */
    sourceOffset: source,
    addressBytes: length,
  } as const);
}

const byFamily = { IPv4: makeFields('IPv4'), IPv6: makeFields('IPv6') } as const;

export function fieldsOf(family: Family): ReturnType<typeof makeFields> {
  return byFamily[family];
}
