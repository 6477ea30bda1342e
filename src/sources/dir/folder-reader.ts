import type { FactChange } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { readFileObjects } from '../objects/file-objects.ts';
import type { ParseContext } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import { explainErrno, pathProblem } from './errors.ts';
import { FolderState } from './folder-state.ts';
import type { ReadingOptions } from './options.ts';
import { readManifestFile } from './read-file.ts';
import { type Scan, type ScannedFile, scanAgain, scanFolder } from './scan.ts';

export interface Reading {
  readonly changes: readonly FactChange[];
  /** By path, only where the problems changed; an empty list when they are solved. */
  readonly problems: ReadonlyMap<string, readonly Finding[]>;
  /** Null while the folder is missing. */
  readonly rootIdentity: string | null;
  /** As in `Scan`; false while the folder is missing. */
  readonly isPlain: boolean;
  /** Files were left out because they are still being written: read again soon. */
  readonly isPartial: boolean;
}

/** A folder as it was found. */
export interface Look {
  /** Null: the folder cannot be listed. */
  readonly scan: Scan | null;
  readonly missing: ReadonlyMap<string, Finding>;
  /** Files that changed since they were read. */
  readonly changed: readonly ScannedFile[];
}

const NONE: ReadonlyMap<string, Finding> = new Map();

/** A file that is written again and again is read when it holds still for this part of `settleMs`, … */
const STILL = 1 / 10;
/** … for which it gets so many chances. */
const CHANCES = 10;

/** Reads a folder again and again; only files that changed are read. */
export class FolderReader {
  readonly #root: string;
  readonly #options: ReadingOptions;
  readonly #context: ParseContext;
  readonly #state = new FolderState();
  readonly #signatures = new Map<string, string>();
  /** The problems reported last, by path, as JSON. */
  readonly #reported = new Map<string, string>();

  constructor(root: string, options: ReadingOptions) {
    this.#root = root;
    this.#options = options;
    this.#context = {
      shared: new SharedValues(),
      podNat: options.podNat,
      nodePortRange: options.nodePortRange,
      debug: options.debug,
    };
  }

  /** Looks at every file. */
  async look(): Promise<Look> {
    try {
      const scan = await scanFolder(this.#root);
      const changed = [...scan.files.values()].filter(
        ({ path, signature }) => this.#signatures.get(path) !== signature,
      );
      return { scan, missing: NONE, changed };
    } catch (error) {
      const message = `the manifest folder ${explainErrno(error)}; what was read before stays in force`;
      const problem = pathProblem('KNAT_FOLDER_MISSING', this.#root, message);
      return { scan: null, missing: new Map([[this.#root, problem]]), changed: [] };
    }
  }

  /** Those that were written less than `settleMs` ago. */
  young(files: readonly ScannedFile[]): readonly ScannedFile[] {
    const { clock, settleMs } = this.#options;
    const now = clock.now();
    return files.filter((file) => isYoung(file, now, settleMs));
  }

  /** Files are read even if they may be unfinished. */
  async readAsItIs(): Promise<Reading> {
    const look = await this.look();
    for (const file of look.changed) await this.#readFile(file, 'as it is');
    return this.#reading(look, false);
  }

  /**
   * Applies all changes since the last reading together, so that an object that moves between files is never removed.
   * Null: a file changed while it was read, so nothing is applied.
   */
  async readSettled(look: Look): Promise<Reading | null> {
    for (const file of look.changed) if (!(await this.#readFile(file, 'settled'))) return null;
    return this.#reading(look, false);
  }

  /**
   * As `readSettled` for the files that are settled. Of young ones those are read that hold still for a moment; what they
   * lack is not believed to be gone, and they are read again. What does not hold still is left out.
   */
  async readUnderWrites(look: Look): Promise<Reading> {
    let young = this.young(look.changed);
    const isPartial = young.length > 0;
    const waiting = new Set(young);
    for (const file of look.changed) if (!waiting.has(file)) await this.#readFile(file, 'settled');
    for (let chance = 0; chance < CHANCES && young.length > 0; chance++) young = await this.#readStill(young);
    return this.#reading(look, isPartial);
  }

  /** Reads the files that did not change for a moment; returns the others, as they are now. */
  async #readStill(files: readonly ScannedFile[]): Promise<readonly ScannedFile[]> {
    const { clock, settleMs } = this.#options;
    await clock.sleep(settleMs * STILL, new AbortController().signal);
    const moving: ScannedFile[] = [];
    for (const file of files) {
      const now = await scanAgain(file);
      if (now === null) continue;
      const isRead = now.signature === file.signature && (await this.#readFile(now, 'still'));
      if (!isRead) moving.push(now);
    }
    return moving;
  }

  #reading({ scan, missing }: Look, isPartial: boolean): Reading {
    if (scan !== null) {
      for (const path of this.#state.paths()) {
        if (!scan.files.has(path) && !isBelowAny(path, scan.unreadable)) this.#forget(path);
      }
    }
    const problems = this.#state.problems();
    for (const [path, problem] of scan?.unreadable ?? missing) problems.set(path, [problem]);
    return {
      changes: this.#state.takeChanges(),
      problems: this.#changedProblems(problems),
      rootIdentity: scan?.rootIdentity ?? null,
      isPlain: scan?.isPlain ?? false,
      isPartial,
    };
  }

  /** False if the file was removed, or changed while it was read; `as it is` ignores such changes. */
  async #readFile(file: ScannedFile, how: 'settled' | 'still' | 'as it is'): Promise<boolean> {
    const { path, signature } = file;
    const read = await readManifestFile(file, this.#options.maxFileBytes);
    if (read === 'gone') return false;
    if ('text' in read) {
      if (how !== 'as it is' && (await scanAgain(file))?.signature !== signature) return false;
      this.#state.setFile(path, readFileObjects(read.text, path, this.#context), how !== 'still');
    } else this.#state.setUnreadable(path, [pathProblem(read.code, path, read.message)]);
    if (how !== 'still') this.#signatures.set(path, signature);
    return true;
  }

  #forget(path: string): void {
    this.#state.removeFile(path);
    this.#signatures.delete(path);
  }

  #changedProblems(now: ReadonlyMap<string, readonly Finding[]>): ReadonlyMap<string, readonly Finding[]> {
    const changed = new Map<string, readonly Finding[]>();
    for (const path of this.#reported.keys()) {
      if (now.has(path)) continue;
      changed.set(path, []);
      this.#reported.delete(path);
    }
    for (const [path, problems] of now) {
      const text = JSON.stringify(problems);
      if (this.#reported.get(path) === text) continue;
      changed.set(path, problems);
      this.#reported.set(path, text);
    }
    return changed;
  }
}

/** A time in the future (another machine's clock) counts as old. */
function isYoung(file: ScannedFile, now: number, settleMs: number): boolean {
  const age = now - file.modifiedAt;
  return age >= 0 && age < settleMs;
}

function isBelowAny(path: string, folders: ReadonlyMap<string, Finding>): boolean {
  for (const folder of folders.keys()) if (path === folder || path.startsWith(`${folder}/`)) return true;
  return false;
}
