import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { firstFew } from '../model/text.ts';
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
 * not exist protects nothing, as a ConfigMap that may be absent; beside other files it is a mistake.
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

  /** Another file in its folder is that of another name, as a ConfigMap whose key is written otherwise. */
  async #absent(path: string): Promise<string | null> {
    const beside = await filesBeside(path);
    if (beside.length > 0) {
      return `${path} does not exist, and its folder has ${firstFew(beside, 3)}: is the name of the file, or the key of the ConfigMap, right?`;
    }
    this.#current = NOTHING_PROTECTED;
    this.#text = '';
    return null;
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
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return await this.#absent(this.#path);
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** The names of other files; a folder that cannot be read has none. Those of Kubernetes' own begin with two dots. */
async function filesBeside(path: string): Promise<string[]> {
  try {
    return (await readdir(dirname(path))).filter((name) => !name.startsWith('..')).sort();
  } catch {
    return [];
  }
}
