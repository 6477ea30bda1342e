import { type IpAddress, parseAddress } from '../../net/address.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { formatPrefix, type Prefix, parseLoosePrefix, parsePrefix } from '../../net/prefix.ts';
import { specialAddress } from '../../net/special-address.ts';
import type { ParseReport } from './parsed.ts';
import { NONE } from './shared.ts';

type Json = Readonly<Record<string, unknown>>;

/** True for a JSON object (no list, no null). */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads the fields of one JSON object. Unknown fields are never looked at; a field that is read and has the wrong
 * type is an error of the report, and the reader goes on with the default so that all problems are found at once.
 * Absent and null are the same, as in the Kubernetes API.
 */
export class Fields {
  readonly #value: Json;
  readonly #path: string;
  readonly #report: ParseReport;

  constructor(value: Json, path: string, report: ParseReport) {
    this.#value = value;
    this.#path = path;
    this.#report = report;
  }

  /** Path of a field for messages: `spec.ports[0].port`. */
  path(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  /** The text of the field; empty when absent. */
  text(key: string): string {
    return this.optionalText(key) ?? '';
  }

  /** The text of the field; null when absent. */
  optionalText(key: string): string | null {
    const value = this.#get(key);
    if (value === undefined) return null;
    if (typeof value === 'string') return value;
    return this.#wrongType(key, 'a text', value);
  }

  /** The boolean of the field; null when absent. */
  flag(key: string): boolean | null {
    const value = this.#get(key);
    if (value === undefined) return null;
    if (typeof value === 'boolean') return value;
    return this.#wrongType(key, 'true or false', value);
  }

  /** The whole number of the field; null when absent. */
  integer(key: string): number | null {
    const value = this.#get(key);
    if (value === undefined) return null;
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    return this.#wrongType(key, 'a whole number', value);
  }

  /** The whole number or the text of the field, as the API's IntOrString has it; null when absent. */
  integerOrText(key: string): number | string | null {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'string') return value ?? null;
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    return this.#wrongType(key, 'a whole number or a text', value);
  }

  /** A port; null when absent. */
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

  /** A port where the API writes 0 for none. */
  optionalPort(key: string): Port | null {
    return this.#value[key] === 0 ? null : this.port(key);
  }

  /** One of the words; the fallback when absent or empty. */
  word<Word extends string>(key: string, words: readonly Word[], fallback: Word): Word {
    const text = this.text(key);
    if (text === '') return fallback;
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    this.#report.error(
      'KNAT_FIELD_VALUE',
      this.path(key),
      `"${text}" is not known: use one of ${words.join(', ')}`,
    );
    return fallback;
  }

  /** The object in the field; an empty one when absent. */
  object(key: string): Fields {
    const value = this.#get(key);
    if (value !== undefined && !isObject(value)) this.#wrongType(key, 'an object', value);
    return new Fields(isObject(value) ? value : {}, this.path(key), this.#report);
  }

  /** The items of a list as they stand; empty when absent. */
  items(key: string): readonly unknown[] {
    const value = this.#get(key);
    if (value === undefined) return NONE;
    if (Array.isArray(value)) return value;
    this.#wrongType(key, 'a list', value);
    return NONE;
  }

  /** The objects of a list, in order; empty when absent. */
  objects(key: string): readonly Fields[] {
    const items = this.items(key);
    if (items.length === 0) return NONE;
    const objects: Fields[] = [];
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      const path = `${this.path(key)}[${index}]`;
      if (isObject(item)) objects.push(new Fields(item, path, this.#report));
      else this.#report.error('KNAT_FIELD_TYPE', path, `must be an object, not ${describe(item)}`);
    }
    return objects;
  }

  /** The texts of a list; empty when absent. */
  texts(key: string): readonly string[] {
    const items = this.items(key);
    if (items.length === 0) return NONE;
    const texts: string[] = [];
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (typeof item === 'string') texts.push(item);
      else {
        const path = `${this.path(key)}[${index}]`;
        this.#report.error('KNAT_FIELD_TYPE', path, `must be a text, not ${describe(item)}`);
      }
    }
    return texts;
  }

  /** A map of texts, such as labels; empty when absent. */
  textMap(key: string): Readonly<Record<string, string>> {
    const value = this.#get(key);
    if (value === undefined) return {};
    if (!isObject(value)) return this.#wrongType(key, 'a map of texts', value) ?? {};
    const entries: [string, string][] = [];
    for (const [name, item] of Object.entries(value)) {
      if (typeof item === 'string') entries.push([name, item]);
      else {
        const path = `${this.path(key)}[${name}]`;
        this.#report.error(
          'KNAT_FIELD_TYPE',
          path,
          `must be a text, not ${describe(item)}: put it into quotes`,
        );
      }
    }
    return Object.fromEntries(entries);
  }

  /** The address in the field; null when absent or empty. */
  address(key: string): IpAddress | null {
    const text = this.text(key);
    return text === '' ? null : readAddress(text, this.path(key), this.#report);
  }

  /** The addresses of a list of texts. */
  addresses(key: string): readonly IpAddress[] {
    const texts = this.texts(key);
    if (texts.length === 0) return NONE;
    const addresses: IpAddress[] = [];
    for (const [index, text] of texts.entries()) {
      const address = readAddress(text, `${this.path(key)}[${index}]`, this.#report);
      if (address !== null) addresses.push(address);
    }
    return addresses;
  }

  /**
   * The items of a list, each a part of its own: what `read` cannot use is left out with a warning. With `needed`, a list
   * of which nothing can be used is an error, and the last good state of the object stays in force.
   */
  parts<Value>(
    key: string,
    read: (item: unknown, path: string) => Value | null,
    needed: 'needed' | 'spared' = 'spared',
  ): readonly Value[] {
    const items = this.items(key);
    if (items.length === 0) return NONE;
    const path = (index: number) => `${this.path(key)}[${index}]`;
    const { mark } = this.#report;
    const values: Value[] = [];
    for (let index = 0; index < items.length; index++) {
      const value = this.#report.part(() => read(items[index], path(index)));
      if (value !== null) values.push(value);
    }
    if (values.length > 0) return values;
    if (needed === 'needed') {
      this.#report.rewind(mark);
      for (let index = 0; index < items.length; index++) read(items[index], path(index));
    }
    return NONE;
  }

  /** The objects of a list, each a part of its own; see `parts`. */
  objectParts<Value>(
    key: string,
    read: (entry: Fields) => Value | null,
    needed: 'needed' | 'spared' = 'spared',
  ): readonly Value[] {
    const readItem = (item: unknown, path: string) => {
      if (isObject(item)) return read(new Fields(item, path, this.#report));
      this.#report.error('KNAT_FIELD_TYPE', path, `must be an object, not ${describe(item)}`);
      return null;
    };
    return this.parts(key, readItem, needed);
  }

  /** The addresses, or prefixes, of a list of texts, each a part of its own; see `parts`. */
  textParts<Value>(
    key: string,
    read: (text: string, path: string, report: ParseReport) => Value | null,
    needed: 'needed' | 'spared' = 'spared',
  ): readonly Value[] {
    const readItem = (item: unknown, path: string) => {
      if (typeof item === 'string') return read(item, path, this.#report);
      this.#report.error('KNAT_FIELD_TYPE', path, `must be a text, not ${describe(item)}`);
      return null;
    };
    return this.parts(key, readItem, needed);
  }

  #get(key: string): unknown {
    return this.#value[key] ?? undefined;
  }

  #wrongType(key: string, wanted: string, value: unknown): null {
    this.#report.error('KNAT_FIELD_TYPE', this.path(key), `must be ${wanted}, not ${describe(value)}`);
    return null;
  }
}

/** Reads an address that a Service or an endpoint may have; one that nobody in particular has is an error on the field. */
export function readOrdinaryAddress(text: string, path: string, report: ParseReport): IpAddress | null {
  const address = readAddress(text, path, report);
  const special = address === null ? null : specialAddress(address);
  if (special === null) return address;
  report.error('KNAT_ADDRESS_SPECIAL', path, `${text} is ${special}, which no Service and no endpoint has`);
  return null;
}

/** Reads an address; a bad one is an error on the field. */
export function readAddress(text: string, path: string, report: ParseReport): IpAddress | null {
  const address = parseAddress(text);
  if (address === null) {
    report.error('KNAT_ADDRESS_INVALID', path, `"${text}" is no IPv4 or IPv6 address`);
  }
  return address;
}

/** Reads a strict prefix; a bad one is an error on the field. */
export function readPrefix(text: string, path: string, report: ParseReport): Prefix | null {
  const prefix = parsePrefix(text);
  if (typeof prefix !== 'string') return prefix;
  if (prefix === 'syntax') {
    report.error('KNAT_PREFIX_INVALID', path, `"${text}" is no CIDR: write ADDRESS/LENGTH`);
  } else report.error('KNAT_PREFIX_HOST_BITS', path, hostBitsMessage(text));
  return null;
}

/** What to write instead of a prefix with host bits. */
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
