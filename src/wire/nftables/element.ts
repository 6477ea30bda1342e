/**
 * Elements of sets and maps: the hot path, with hand-written codecs (150,000 elements a batch). Tests compare this file
 * with the table `elementAttributes` at its end.
 *
 * Framing of one element: NFTA_LIST_ELEM { FLAGS, TIMEOUT, KEY { VALUE }, KEY_END { VALUE }, DATA { VALUE } or DATA {
 * VERDICT { CODE, CHAIN } }, USERDATA }. Key and data are register bytes: the fields of a concatenation in order, each
 * padded with zeros to 4 bytes, each in the byte order of its expression (packet fields in network order, `numgen` and
 * marks in host order). Reading copies from the datagram.
 */
import {
  be32,
  be64,
  binary,
  type Decoded,
  eachAttribute,
  list,
  NLA_F_NESTED,
  nest,
  skipped,
  string,
} from '../attributes.ts';
import { type ByteWriter, latin1, net32, net64, putHost16, putNet32, textOf } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { expressionAttributes, NFTA_LIST_ELEM } from './declarations.ts';

/** A verdict by name (nf_tables.h `enum nft_verdicts`, netfilter.h NF_…), or another signed number. */
export interface Verdict {
  readonly code: 'goto' | 'jump' | 'drop' | 'accept' | 'return' | 'continue' | number;
  readonly chain?: string;
}

export interface SetElement {
  /** Empty for the catch-all element (`*`, NFT_SET_ELEM_CATCHALL). */
  readonly key: Uint8Array;
  /** The last key of a range in a set of concatenations (`pipapo`). */
  readonly keyEnd?: Uint8Array;
  /** In an interval set without concatenation (`rbtree`): this key is the first after a range. */
  readonly intervalEnd?: boolean;
  readonly data?: Uint8Array;
  readonly verdict?: Verdict;
  /** Lifetime in milliseconds; absent: the set's default. */
  readonly timeoutMs?: number;
  /** Remaining milliseconds, as read; not written. */
  readonly expirationMs?: number;
  /** At most 254 bytes of UTF-8; nft shows and takes 128. */
  readonly comment?: string;
}

const verdictCodes: Readonly<Record<string, number>> = {
  drop: 0,
  accept: 1,
  continue: -1,
  jump: -3,
  goto: -4,
  return: -5,
};
export function verdictNumber(code: Verdict['code']): number {
  return typeof code === 'number' ? code : (verdictCodes[code] as number);
}

const verdictNames = new Map(
  Object.entries(verdictCodes).map(([name, code]) => [code, name as Verdict['code']]),
);

const NFT_SET_ELEM_INTERVAL_END = 1;
const NFT_SET_ELEM_CATCHALL = 2;

/** libnftnl's userdata (type, length, value): NFTNL_UDATA_SET_ELEM_COMMENT is type 0, NUL-terminated. */
const UDATA_COMMENT = 0;

/** Most bytes that writeElement adds to key, key end, data, chain name and comment. */
const OVERHEAD = 80;

export function writeElement(writer: ByteWriter, element: SetElement): void {
  const { key, keyEnd, data, verdict, comment } = element;
  const chain = verdict?.chain;
  writer.reserve(
    OVERHEAD +
      key.length +
      (keyEnd?.length ?? 0) +
      (data?.length ?? 0) +
      3 * ((chain?.length ?? 0) + (comment?.length ?? 0)),
  );
  const start = writer.length;
  let at = start + 4;
  const bytes = writer.bytes;
  const flags =
    (element.intervalEnd === true ? NFT_SET_ELEM_INTERVAL_END : 0) |
    (key.length === 0 ? NFT_SET_ELEM_CATCHALL : 0);
  if (flags !== 0) {
    at = header(bytes, at, 8, 3);
    putNet32(bytes, at, flags);
    at += 4;
  }
  if (element.timeoutMs !== undefined) {
    at = header(bytes, at, 12, 4);
    putNet32(bytes, at, Math.floor(element.timeoutMs / 2 ** 32));
    putNet32(bytes, at + 4, element.timeoutMs % 2 ** 32);
    at += 8;
  }
  if (key.length > 0) at = value(bytes, at, 1 | NLA_F_NESTED, key);
  if (keyEnd !== undefined) at = value(bytes, at, 10 | NLA_F_NESTED, keyEnd);
  if (data !== undefined) at = value(bytes, at, 2 | NLA_F_NESTED, data);
  else if (verdict !== undefined) {
    const nests = at;
    at = header(bytes, at + 8, 8, 1);
    putNet32(bytes, at, verdictNumber(verdict.code));
    at += 4;
    if (chain !== undefined) at = name(bytes, at, 2, chain);
    header(bytes, nests, at - nests, 2 | NLA_F_NESTED);
    header(bytes, nests + 4, at - nests - 4, 2 | NLA_F_NESTED);
  }
  if (comment !== undefined) {
    const text = utf8Encoder.encode(comment);
    if (text.length > 254) throw new RangeError(`a comment has at most 254 bytes, not ${text.length}`);
    header(bytes, at, 4 + 2 + text.length + 1, 6);
    bytes[at + 4] = UDATA_COMMENT;
    bytes[at + 5] = text.length + 1;
    bytes.set(text, at + 6);
    at = pad(bytes, at + 6 + text.length, 1);
  }
  header(bytes, start, at - start, NFTA_LIST_ELEM | NLA_F_NESTED);
  writer.length = at;
}

/**
 * Writes an element of a hash table but for its key and its data: gives the place of the key, which the caller stores, and
 * its data at `DATA_BEHIND` bytes behind the key's end. Lengths are multiples of 4; none of data makes an element of a set.
 */
export function frameElement(writer: ByteWriter, keyLength: number, dataLength: number): number {
  const start = writer.length;
  const key = start + 12;
  const length = 12 + keyLength + (dataLength === 0 ? 0 : DATA_BEHIND + dataLength);
  writer.reserve(length);
  const { bytes } = writer;
  header(bytes, start, length, NFTA_LIST_ELEM | NLA_F_NESTED);
  header(bytes, start + 4, 8 + keyLength, 1 | NLA_F_NESTED);
  header(bytes, start + 8, 4 + keyLength, 1);
  if (dataLength > 0) {
    header(bytes, key + keyLength, 8 + dataLength, 2 | NLA_F_NESTED);
    header(bytes, key + keyLength + 4, 4 + dataLength, 1);
  }
  writer.length = start + length;
  return key;
}

/** Bytes between key and data of an element that `frameElement` wrote. */
export const DATA_BEHIND = 8;

/** Stores an attribute's header; returns the place of its payload. */
function header(bytes: Uint8Array, at: number, length: number, type: number): number {
  putHost16(bytes, at, length);
  putHost16(bytes, at + 2, type);
  return at + 4;
}

/** Stores a nest with one NFTA_DATA_VALUE; returns the place after it. */
function value(bytes: Uint8Array, at: number, type: number, payload: Uint8Array): number {
  header(bytes, at, 8 + payload.length, type);
  header(bytes, at + 4, 4 + payload.length, 1);
  let to = at + 8;
  for (let i = 0; i < payload.length; i++) bytes[to++] = payload[i] as number;
  return pad(bytes, to, 0);
}

/** Stores a NUL-terminated string attribute; returns the place after it. */
function name(bytes: Uint8Array, at: number, type: number, text: string): number {
  const length = utf8Encoder.encodeInto(text, bytes.subarray(at + 4)).written;
  header(bytes, at, 4 + length + 1, type);
  return pad(bytes, at + 4 + length, 1);
}

/** Stores this many zeros, and more to align to 4 bytes. */
function pad(bytes: Uint8Array, at: number, zeros: number): number {
  let to = at;
  for (let i = 0; i < zeros || (to & 3) !== 0; i++) bytes[to++] = 0;
  return to;
}

const utf8Encoder = new TextEncoder();

type Draft = { -readonly [Key in keyof SetElement]: SetElement[Key] };

/** Reads an NFT_MSG_NEWSETELEM message and appends its elements. */
export function readElementList(bytes: Uint8Array, start: number, end: number, into: SetElement[]): void {
  eachAttribute(bytes, start, end, 'NFT_MSG_NEWSETELEM', (type, from, to) => {
    if (type === 3) readElements(bytes, from, to, into);
  });
}

/** False when an element is repeated. */
export function allDistinct(elements: readonly SetElement[]): boolean {
  const seen = new Set<string>();
  for (const { key, keyEnd, intervalEnd } of elements) {
    const start = latin1(key);
    seen.add(
      keyEnd === undefined && intervalEnd === undefined ? start : `${start}${keyEnd ? latin1(keyEnd) : ''}]`,
    );
  }
  return seen.size === elements.length;
}

/** Reads an NFTA_SET_ELEM_LIST_ELEMENTS payload and appends its elements. */
export function readElements(bytes: Uint8Array, start: number, end: number, into: SetElement[]): void {
  eachAttribute(bytes, start, end, 'NFTA_SET_ELEM_LIST_ELEMENTS', (_type, from, to) => {
    into.push(readElement(bytes, from, to));
  });
}

/** Ignores attributes that SetElement has no place for (NFTA_SET_ELEM_EXPR, …). */
function readElement(bytes: Uint8Array, start: number, end: number): SetElement {
  const element: Draft = { key: NO_BYTES };
  eachAttribute(bytes, start, end, 'NFTA_LIST_ELEM', (type, from, to) => {
    if (type === 1) element.key = readValue(bytes, from, to);
    else if (type === 2) readData(bytes, from, to, element);
    else if (type === 3) {
      expect(from, to, 4, 'NFTA_SET_ELEM_FLAGS');
      if ((net32(bytes, from) & NFT_SET_ELEM_INTERVAL_END) !== 0) element.intervalEnd = true;
    } else if (type === 4) {
      expect(from, to, 8, 'NFTA_SET_ELEM_TIMEOUT');
      element.timeoutMs = Number(net64(bytes, from));
    } else if (type === 5) {
      expect(from, to, 8, 'NFTA_SET_ELEM_EXPIRATION');
      element.expirationMs = Number(net64(bytes, from));
    } else if (type === 6) readComment(bytes, from, to, element);
    else if (type === 10) element.keyEnd = readValue(bytes, from, to);
  });
  return element;
}

const NO_BYTES = new Uint8Array(0);

function expect(from: number, to: number, length: number, attribute: string): void {
  if (to - from !== length) throw malformed(`${attribute}: ${to - from} bytes, not ${length}`);
}

function readValue(bytes: Uint8Array, start: number, end: number): Uint8Array {
  let found = NO_BYTES;
  eachAttribute(bytes, start, end, 'NFTA_SET_ELEM_KEY', (type, from, to) => {
    if (type === 1) found = bytes.slice(from, to);
  });
  return found;
}

function readData(bytes: Uint8Array, start: number, end: number, element: Draft): void {
  eachAttribute(bytes, start, end, 'NFTA_SET_ELEM_DATA', (type, from, to) => {
    if (type === 1) element.data = bytes.slice(from, to);
    else if (type === 2) element.verdict = readVerdict(bytes, from, to);
  });
}

function readVerdict(bytes: Uint8Array, start: number, end: number): Verdict {
  return verdictOf(verdictAttributes.read(bytes, start, end, 'NFTA_DATA_VERDICT'));
}

export function verdictOf({ code, chain }: Decoded<typeof verdictAttributes.rows>): Verdict {
  if (code === undefined) throw malformed('NFTA_DATA_VERDICT without NFTA_VERDICT_CODE');
  const named = verdictNames.get(code | 0) ?? code | 0;
  return chain === undefined ? { code: named } : { code: named, chain };
}

function readComment(bytes: Uint8Array, start: number, end: number, element: Draft): void {
  for (let at = start; at + 2 <= end; at += 2 + (bytes[at + 1] as number)) {
    const length = bytes[at + 1] as number;
    if (bytes[at] === UDATA_COMMENT) element.comment = textOf(bytes, at + 2, Math.min(end, at + 2 + length));
  }
}

export const verdictAttributes = nest({
  code: [1, 'NFTA_VERDICT_CODE', be32],
  chain: [2, 'NFTA_VERDICT_CHAIN', string],
});

export const dataAttributes = nest({
  value: [1, 'NFTA_DATA_VALUE', binary],
  verdict: [2, 'NFTA_DATA_VERDICT', verdictAttributes],
});

export const elementAttributes = nest({
  key: [1, 'NFTA_SET_ELEM_KEY', dataAttributes],
  data: [2, 'NFTA_SET_ELEM_DATA', dataAttributes],
  flags: [3, 'NFTA_SET_ELEM_FLAGS', be32],
  timeout: [4, 'NFTA_SET_ELEM_TIMEOUT', be64],
  expiration: [5, 'NFTA_SET_ELEM_EXPIRATION', be64],
  userdata: [6, 'NFTA_SET_ELEM_USERDATA', binary],
  expression: [7, 'NFTA_SET_ELEM_EXPR', expressionAttributes],
  padding: [8, 'NFTA_SET_ELEM_PAD', skipped],
  objectReference: [9, 'NFTA_SET_ELEM_OBJREF', string],
  keyEnd: [10, 'NFTA_SET_ELEM_KEY_END', dataAttributes],
  expressions: [11, 'NFTA_SET_ELEM_EXPRESSIONS', list(NFTA_LIST_ELEM, expressionAttributes)],
});

/** @internal used by tests alone */
export const elementListAttributes = nest({
  table: [1, 'NFTA_SET_ELEM_LIST_TABLE', string],
  set: [2, 'NFTA_SET_ELEM_LIST_SET', string],
  elements: [3, 'NFTA_SET_ELEM_LIST_ELEMENTS', list(NFTA_LIST_ELEM, elementAttributes)],
});
