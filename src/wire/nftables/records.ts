/**
 * Elements of a large hash table as the kernel lists them, without an object for each: keys and values of fixed lengths in one
 * array, found by key. 150,000 elements take some 30 bytes each instead of some 500.
 */
import { attributeEnd, NLA_HEADER, NLA_TYPE_MASK } from '../attributes.ts';
import { host16, host32 } from '../bytes.ts';

/** Places of an empty table; always a power of two, and at most half of them taken. */
const FEWEST = 16;

export class ElementRecords {
  readonly keyLength: number;
  /** 0: a set. */
  readonly valueLength: number;
  #count = 0;
  #bytes = new Uint8Array(0);
  /** By hash of the key: the number of the record plus one; 0: free. */
  #places = new Int32Array(FEWEST);

  /** Lengths are multiples of 4. */
  constructor(keyLength: number, valueLength: number) {
    this.keyLength = keyLength;
    this.valueLength = valueLength;
  }

  get count(): number {
    return this.#count;
  }

  /** Copies key and value from these places. False, and nothing is added, when the key is there. */
  add(bytes: Uint8Array, key: number, value: number): boolean {
    const place = this.#placeOf(bytes, key);
    if (this.#places[place] !== 0) return false;
    const at = this.#count * this.#width;
    if (at + this.#width > this.#bytes.length) this.#growBytes();
    copy(bytes, key, this.#bytes, at, this.keyLength);
    copy(bytes, value, this.#bytes, at + this.keyLength, this.valueLength);
    this.#places[place] = ++this.#count;
    if (2 * this.#count > this.#places.length) this.#growPlaces();
    return true;
  }

  /** The number of the record with the key at this place; -1 for none. */
  find(bytes: Uint8Array, key: number): number {
    return (this.#places[this.#placeOf(bytes, key)] as number) - 1;
  }

  /** Whether the record has the value at this place. */
  hasValue(record: number, bytes: Uint8Array, value: number): boolean {
    return isEqual(this.#bytes, record * this.#width + this.keyLength, bytes, value, this.valueLength);
  }

  /** A copy. */
  keyOf(record: number): Uint8Array {
    const at = record * this.#width;
    return this.#bytes.slice(at, at + this.keyLength);
  }

  /** A copy. */
  valueOf(record: number): Uint8Array {
    const at = record * this.#width + this.keyLength;
    return this.#bytes.slice(at, at + this.valueLength);
  }

  get #width(): number {
    return this.keyLength + this.valueLength;
  }

  /** Where the key lies, or the free place where it belongs. */
  #placeOf(bytes: Uint8Array, key: number): number {
    const mask = this.#places.length - 1;
    let place = hashOf(bytes, key, this.keyLength) & mask;
    for (;;) {
      const record = (this.#places[place] as number) - 1;
      if (record < 0 || isEqual(this.#bytes, record * this.#width, bytes, key, this.keyLength)) return place;
      place = (place + 1) & mask;
    }
  }

  #growBytes(): void {
    const grown = new Uint8Array(Math.max(FEWEST * this.#width, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  #growPlaces(): void {
    this.#places = new Int32Array(4 * this.#places.length);
    for (let record = 0; record < this.#count; record++) {
      this.#places[this.#placeOf(this.#bytes, record * this.#width)] = record + 1;
    }
  }
}

function hashOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0;
  for (let i = at; i < at + length; i += 4) {
    hash = Math.imul(hash ^ host32(bytes, i), 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function isEqual(a: Uint8Array, atA: number, b: Uint8Array, atB: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}

function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
}

/** `repeated`: the listing has an element twice. `other`: an element has more than key and value, or other lengths. */
export type RecordsRead = 'all' | 'repeated' | 'other';

/** Reads an NFT_MSG_NEWSETELEM message and adds its elements. Throws Malformed. */
export function readRecords(
  bytes: Uint8Array,
  start: number,
  end: number,
  records: ElementRecords,
): RecordsRead {
  const { keyLength, valueLength } = records;
  const list = payloadOf(bytes, start, end, ELEMENTS);
  const listEnd = list < 0 ? 0 : list - NLA_HEADER + host16(bytes, list - NLA_HEADER);
  for (let at = list; list >= 0 && at < listEnd; ) {
    const stop = attributeEnd(bytes, at, listEnd, 'NFTA_SET_ELEM_LIST_ELEMENTS');
    let key = -1;
    let value = valueLength === 0 ? 0 : -1;
    for (let part = at + NLA_HEADER; part < stop; ) {
      const partEnd = attributeEnd(bytes, part, stop, 'NFTA_LIST_ELEM');
      const type = host16(bytes, part + 2) & NLA_TYPE_MASK;
      if (type === KEY) key = fixedValue(bytes, part + NLA_HEADER, partEnd, keyLength);
      else if (type === DATA && valueLength > 0) {
        value = fixedValue(bytes, part + NLA_HEADER, partEnd, valueLength);
      } else if (type === DATA || type === KEY_END || type === FLAGS) return 'other';
      part += (partEnd - part + 3) & ~3;
    }
    if (key < 0 || value < 0) return 'other';
    if (!records.add(bytes, key, value)) return 'repeated';
    at += (stop - at + 3) & ~3;
  }
  return 'all';
}

/** NFTA_SET_ELEM_LIST_ELEMENTS; NFTA_SET_ELEM_KEY, _DATA, _FLAGS, _KEY_END; NFTA_DATA_VALUE */
const ELEMENTS = 3;
const KEY = 1;
const DATA = 2;
const FLAGS = 3;
const KEY_END = 10;
const VALUE = 1;

/** The place of NFTA_DATA_VALUE in a nest if it has this length; -1 otherwise. */
function fixedValue(bytes: Uint8Array, start: number, end: number, length: number): number {
  const at = payloadOf(bytes, start, end, VALUE);
  return at >= 0 && host16(bytes, at - NLA_HEADER) === NLA_HEADER + length ? at : -1;
}

/** The place of the payload of the first attribute of this type; -1 for none. */
function payloadOf(bytes: Uint8Array, start: number, end: number, type: number): number {
  for (let at = start; at < end; ) {
    const stop = attributeEnd(bytes, at, end, 'attribute');
    if ((host16(bytes, at + 2) & NLA_TYPE_MASK) === type) return at + NLA_HEADER;
    at += (stop - at + 3) & ~3;
  }
  return -1;
}
