import { meantHint } from '../../base/did-you-mean.ts';
import { isRecord, type JsonRecord } from '../../base/json.ts';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { formatPrefix, type Prefix, parseLoosePrefix, parsePrefix } from '../../net/prefix.ts';
import { specialAddress } from '../../net/special-address.ts';
import type { ParseReport } from './parsed.ts';
import { NONE } from './shared.ts';

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isIntegerOrText(value: unknown): value is number | string {
  return isText(value) || isInteger(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function nothingUsual(): null {
  return null;
}

function itself(text: string): string {
  return text;
}

/** Limits for reports of unknown fields: fields of one object, and characters of a name. */
const MOST_UNKNOWN = 5;
const LONGEST_NAME = 60;

/** Writes where a value stands, for messages: `spec.ports[0].port`. Valid during the call that got it. */
export type Path = () => string;

type TextReader<Value> = (text: string, path: Path, report: ParseReport) => Value | null;

const EMPTY: JsonRecord = Object.freeze({});

/**
 * Reads the fields of one JSON object. Unknown fields are ignored unless `knowsOnly` is called. A field of the wrong
 * type is an error of the report; reading continues with the default, so that all problems are found at once. Absent
 * and null are the same, as in the Kubernetes API; without another default, they give null, '' or an empty list, map or
 * object, as the type says.
 */
export class Fields {
  readonly #value: JsonRecord;
  readonly #report: ParseReport;
  /** Null: the object itself. */
  readonly #parent: Fields | null;
  /** The field of the parent. */
  readonly #key: string;
  /** In the list of that field; -1: it is no list. */
  readonly #index: number;

  constructor(value: JsonRecord, report: ParseReport, parent: Fields | null = null, key = '', index = -1) {
    this.#value = value;
    this.#report = report;
    this.#parent = parent;
    this.#key = key;
    this.#index = index;
  }

  /** Path of a field for messages: `spec.ports[0].port`. */
  path(key: string): string {
    if (this.#parent === null) return key;
    const own = this.#parent.path(this.#key);
    return this.#index < 0 ? `${own}.${key}` : `${own}[${this.#index}].${key}`;
  }

  has(key: string): boolean {
    return (this.#value[key] ?? undefined) !== undefined;
  }

  /**
   * Reports every other field. For knat's own objects: ignoring a field, such as a misplaced selector, would make a
   * rule match more than its author wants.
   */
  knowsOnly(...names: readonly string[]): void {
    const unknown = Object.keys(this.#value).filter((key) => !names.includes(key));
    for (const key of unknown.slice(0, MOST_UNKNOWN)) {
      const shown = key.slice(0, LONGEST_NAME);
      const message = `there is no such field: use ${names.join(', ')}${meantHint(shown, names)}`;
      this.#report.error('KNAT_FIELD_UNKNOWN', this.path(shown), message);
    }
  }

  text(key: string): string {
    return this.optionalText(key) ?? '';
  }

  optionalText(key: string): string | null {
    return this.#typed(key, isText, 'a text');
  }

  flag(key: string): boolean | null {
    return this.#typed(key, isFlag, 'true or false');
  }

  integer(key: string): number | null {
    return this.#typed(key, isInteger, 'a whole number');
  }

  /** The API's IntOrString. */
  integerOrText(key: string): number | string | null {
    return this.#typed(key, isIntegerOrText, 'a whole number or a text');
  }

  port(key: string): Port | null {
    const number = this.integer(key);
    if (number === null) return null;
    const port = parsePort(number);
    if (port === null) {
      this.#report.error(
        'KNAT_PORT_INVALID',
        this.path(key),
        `${number} is no port: use a whole number from 1 to 65535`,
      );
    }
    return port;
  }

  /** A port; the API writes 0 for none. */
  optionalPort(key: string): Port | null {
    return this.#value[key] === 0 ? null : this.port(key);
  }

  /** The fallback if absent or empty. */
  word<Word extends string>(key: string, words: readonly Word[], fallback: Word): Word {
    return this.optionalWord(key, words) ?? fallback;
  }

  /** Null if absent or empty; another word is an error. */
  optionalWord<Word extends string>(key: string, words: readonly Word[]): Word | null {
    const text = this.text(key);
    return text === '' ? null : this.#known(text, () => this.path(key), words);
  }

  /** Other words are errors and left out. */
  words<Word extends string>(key: string, words: readonly Word[]): readonly Word[] {
    return this.#each(key, isText, 'a text', (text, path) => this.#known(text, path, words));
  }

  object(key: string): Fields {
    return new Fields(this.#typed(key, isRecord, 'an object') ?? EMPTY, this.#report, this, key);
  }

  items(key: string): readonly unknown[] {
    return this.#typed(key, isList, 'a list') ?? NONE;
  }

  objects(key: string): readonly Fields[] {
    return this.#each(
      key,
      isRecord,
      'an object',
      (item, _, index) => new Fields(item, this.#report, this, key, index),
    );
  }

  texts(key: string): readonly string[] {
    return this.#each(key, isText, 'a text', itself);
  }

  textMap(key: string): Readonly<Record<string, string>> {
    const texts: [string, string][] = [];
    for (const [name, item] of Object.entries(this.#typed(key, isRecord, 'a map of texts') ?? {})) {
      if (isText(item)) texts.push([name, item]);
      else this.#wrongType(() => `${this.path(key)}[${name}]`, 'a text', item, ': put it into quotes');
    }
    return Object.fromEntries(texts);
  }

  address(key: string): IpAddress | null {
    const text = this.text(key);
    return text === '' ? null : readAddress(text, () => this.path(key), this.#report);
  }

  addresses(key: string): readonly IpAddress[] {
    return this.#each(key, isText, 'a text', (text, path) => readAddress(text, path, this.#report));
  }

  /**
   * Reads each item of a list separately; unusable ones are left out with a warning. With `needed`, a list without a
   * usable item is an error, and the last good state of the object stays in force.
   *
   * @param quick reads what is usual without the means for reports; null: `read` reads it
   */
  parts<Value>(
    key: string,
    read: (item: unknown, path: Path, index: number) => Value | null,
    needed: 'needed' | 'spared' = 'spared',
    quick: (item: unknown) => Value | null = nothingUsual,
  ): readonly Value[] {
    const items = this.items(key);
    if (items.length === 0) return NONE;
    const { mark } = this.#report;
    const values: Value[] = [];
    // One of each for all items: there may be a thousand.
    let index = 0;
    const path = () => `${this.path(key)}[${index}]`;
    const readItem = () => read(items[index], path, index);
    for (; index < items.length; index++) {
      const value = quick(items[index]) ?? this.#report.part(readItem);
      if (value !== null) values.push(value);
    }
    if (values.length > 0) return values.slice(); // a copy has no spare capacity
    if (needed === 'needed') {
      this.#report.rewind(mark);
      for (index = 0; index < items.length; index++) readItem();
    }
    return NONE;
  }

  objectParts<Value>(
    key: string,
    read: (entry: Fields) => Value | null,
    needed: 'needed' | 'spared' = 'spared',
    quick: (item: unknown) => Value | null = nothingUsual,
  ): readonly Value[] {
    const readItem = (item: unknown, path: Path, index: number) =>
      isRecord(item)
        ? read(new Fields(item, this.#report, this, key, index))
        : this.#wrongType(path, 'an object', item);
    return this.parts(key, readItem, needed, quick);
  }

  textParts<Value>(
    key: string,
    read: TextReader<Value>,
    needed: 'needed' | 'spared' = 'spared',
  ): readonly Value[] {
    const readItem = (item: unknown, path: Path) =>
      isText(item) ? read(item, path, this.#report) : this.#wrongType(path, 'a text', item);
    return this.parts(key, readItem, needed);
  }

  /** As `textParts`, with at least one usable item; if the list is empty, reads the text of an older field. */
  textPartsOr<Value>(key: string, older: string, read: TextReader<Value>): readonly Value[] {
    if (this.items(key).length > 0) return this.textParts(key, read, 'needed');
    const text = this.text(older);
    const value = text === '' ? null : read(text, () => this.path(older), this.#report);
    return value === null ? NONE : [value];
  }

  /** Null when absent, and for another type, which is an error. */
  #typed<Value>(key: string, is: (value: unknown) => value is Value, wanted: string): Value | null {
    const value = this.#value[key] ?? undefined;
    if (value === undefined) return null;
    return is(value) ? value : this.#wrongType(() => this.path(key), wanted, value);
  }

  /** The items of a list that have the right type and that `read` can use, in order. */
  #each<Item, Value>(
    key: string,
    is: (item: unknown) => item is Item,
    wanted: string,
    read: (item: Item, path: Path, index: number) => Value | null,
  ): readonly Value[] {
    const items = this.items(key);
    if (items.length === 0) return NONE;
    const values: Value[] = [];
    let index = 0;
    const path = () => `${this.path(key)}[${index}]`;
    for (; index < items.length; index++) {
      const item = items[index];
      const value = is(item) ? read(item, path, index) : this.#wrongType(path, wanted, item);
      if (value !== null) values.push(value);
    }
    return values.slice(); // a copy has no spare capacity
  }

  #known<Word extends string>(text: string, path: Path, words: readonly Word[]): Word | null {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    this.#report.error('KNAT_FIELD_VALUE', path(), `"${text}" is not known: use one of ${words.join(', ')}`);
    return null;
  }

  #wrongType(path: Path, wanted: string, value: unknown, remedy = ''): null {
    this.#report.error('KNAT_FIELD_TYPE', path(), `must be ${wanted}, not ${describe(value)}${remedy}`);
    return null;
  }
}

/** Loopback, multicast and other special addresses are errors on the field. */
export function readOrdinaryAddress(text: string, path: Path, report: ParseReport): IpAddress | null {
  const address = readAddress(text, path, report);
  const special = address === null ? null : specialAddress(address);
  if (special === null) return address;
  report.error('KNAT_ADDRESS_SPECIAL', path(), `${text} is ${special}, which no Service and no endpoint has`);
  return null;
}

/** Reads an address; a bad one is an error on the field. */
export function readAddress(text: string, path: Path, report: ParseReport): IpAddress | null {
  const address = parseAddress(text);
  if (address === null) {
    report.error('KNAT_ADDRESS_INVALID', path(), `"${text}" is no IPv4 or IPv6 address`);
  }
  return address;
}

/** Reads a strict prefix; a bad one is an error on the field. */
export function readPrefix(text: string, path: Path, report: ParseReport): Prefix | null {
  const prefix = parsePrefix(text);
  if (typeof prefix !== 'string') return prefix;
  if (prefix === 'syntax') {
    report.error('KNAT_PREFIX_INVALID', path(), `"${text}" is no CIDR: write ADDRESS/LENGTH`);
  } else report.error('KNAT_PREFIX_HOST_BITS', path(), hostBitsMessage(text));
  return null;
}

/** Suggests a replacement for a prefix with host bits. */
export function hostBitsMessage(text: string): string {
  const masked = parseLoosePrefix(text);
  return `"${text}" has host bits set: write ${masked === null ? 'the network address' : formatPrefix(masked)}`;
}

/** A value in a few words, for messages: `the number 25`, `a list`. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return `the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
    case 'number':
      return `the number ${value}`;
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'nothing';
    default:
      return 'an object';
  }
}
