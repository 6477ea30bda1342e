import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isRecord, type JsonRecord } from '../base/json.ts';
import { AccessError } from './access.ts';

/** PEM text in the kubeconfig or in a file; the text takes precedence, as in kubectl. */
export interface Pem {
  readonly data: Buffer | null;
  /** Absolute path; empty where there is none. */
  readonly path: string;
}

/** Undefined without PEM. Files are read each time, so that a renewed file is used. */
export async function readPem({ data, path }: Pem): Promise<Buffer | undefined> {
  return data ?? (path === '' ? undefined : await readFile(path));
}

/**
 * One entry of a kubeconfig. An absent or null field reads as empty or null; a field of another type throws
 * AccessError.
 */
export class KubeconfigEntry {
  readonly title: string;
  readonly #fields: JsonRecord;
  /** Folder of the kubeconfig file. */
  readonly #folder: string;

  constructor(title: string, fields: JsonRecord, folder: string) {
    this.title = title;
    this.#fields = fields;
    this.#folder = folder;
  }

  text(key: string): string {
    const value = this.#fields[key] ?? '';
    return typeof value === 'string' ? value : this.#refuse(key, 'text (write it in quotes)');
  }

  flag(key: string): boolean {
    const value = this.#fields[key] ?? false;
    return typeof value === 'boolean' ? value : this.#refuse(key, 'true or false');
  }

  texts(key: string): string[] {
    const value = this.#fields[key] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string');
    return isList ? value : this.#refuse(key, 'a list of texts');
  }

  part(key: string): KubeconfigEntry | null {
    const value = this.#fields[key] ?? null;
    if (value === null) return null;
    return isRecord(value) ? this.#within(key, value) : this.#refuse(key, 'an object');
  }

  parts(key: string): readonly KubeconfigEntry[] {
    const value = this.#fields[key] ?? [];
    if (!Array.isArray(value) || !value.every(isRecord)) return this.#refuse(key, 'a list of objects');
    return value.map((each) => this.#within(key, each));
  }

  keys(): readonly string[] {
    return Object.keys(this.#fields);
  }

  value(key: string): unknown {
    return this.#fields[key];
  }

  /** A path, relative to the folder of the kubeconfig; empty if absent. */
  path(key: string): string {
    const path = this.text(key);
    return path === '' ? '' : resolve(this.#folder, path);
  }

  /** `key` is a path, and `key-data` the same in base64. */
  pem(key: string): Pem {
    const text = this.text(`${key}-data`).replace(/\s/g, '');
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) this.#refuse(`${key}-data`, 'base64');
    return { data: text === '' ? null : Buffer.from(text, 'base64'), path: this.path(key) };
  }

  #within(key: string, fields: JsonRecord): KubeconfigEntry {
    return new KubeconfigEntry(`"${key}" of ${this.title}`, fields, this.#folder);
  }

  #refuse(key: string, expected: string): never {
    throw new AccessError(`the kubeconfig cannot be used: "${key}" of ${this.title} must be ${expected}`);
  }
}
