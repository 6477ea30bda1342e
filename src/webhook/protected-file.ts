import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { NOTHING_PROTECTED, type Protected, type ProtectedExpectation } from './expectations.ts';

/** Bytes of a ConfigMap, which cannot have more. */
const FILE_LIMIT = 1 << 20;

/** More would take longer than a review may. */
const PROTECTED_MOST = 500;

interface WrittenExpectations {
  readonly node: string | null;
  readonly expectations: readonly (ProtectedExpectation & { readonly protect?: boolean | undefined })[];
}

/** Reads a file of `knat verify`; throws an Error whose message names the lines. */
export type ReadExpectations = (text: string, name: string) => WrittenExpectations;

/**
 * The expectations of a file with `protect: true`. A broken file leaves the last good version in force; a file that does
 * not exist protects nothing, as a ConfigMap that may be absent.
 */
export class ProtectedFile {
  readonly #path: string | null;
  readonly #read: ReadExpectations;
  #text = '';
  #current: Protected = NOTHING_PROTECTED;

  /** @param path null: nothing is protected */
  constructor(path: string | null, read: ReadExpectations) {
    this.#path = path;
    this.#read = read;
  }

  get current(): Protected {
    return this.#current;
  }

  /** Reads the file if it changed. Returns what is wrong with it; null: nothing. */
  async refresh(): Promise<string | null> {
    if (this.#path === null) return null;
    try {
      const text = await readFile(this.#path, 'utf8');
      if (text === this.#text) return null;
      if (text.length > FILE_LIMIT) return `${this.#path} is larger than ${FILE_LIMIT} bytes`;
      const { node, expectations } = this.#read(text, basename(this.#path));
      const guarded = expectations.filter(({ protect }) => protect === true);
      if (guarded.length > PROTECTED_MOST) {
        return `${this.#path}: ${guarded.length} expectations are protected, and at most ${PROTECTED_MOST} can be`;
      }
      this.#current = { node, expectations: guarded };
      this.#text = text;
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#current = NOTHING_PROTECTED;
        this.#text = '';
        return null;
      }
      return error instanceof Error ? error.message : String(error);
    }
  }
}
