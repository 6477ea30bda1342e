import { stat } from 'node:fs/promises';
import type { FactChange } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { readFileObjects } from '../objects/file-objects.ts';
import type { ParseContext } from '../objects/metadata.ts';
import { SharedValues } from '../objects/shared.ts';
import { explainErrno, pathProblem } from './errors.ts';
import { FolderState } from './folder-state.ts';
import type { ReadingOptions } from './options.ts';
import { readManifestFile } from './read-file.ts';
import { type Scan, type ScannedFile, scanFolder } from './scan.ts';

export interface Reading {
  /** False: a file is still being written, so no change was applied; read again soon. */
  readonly settled: boolean;
  readonly changes: readonly FactChange[];
  /** By path, only where the problems changed; an empty list when they are solved. */
  readonly problems: ReadonlyMap<string, readonly Finding[]>;
  /** Null while the folder is missing. */
  readonly rootIdentity: string | null;
  /** As in `Scan`; false while the folder is missing. */
  readonly isPlain: boolean;
}

const UNSETTLED: Reading = {
  settled: false,
  changes: [],
  problems: new Map(),
  rootIdentity: null,
  isPlain: false,
};

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

  /**
   * Applies all changes since the last call together, so that an object that moves between files is never removed. With
   * `now` (milliseconds since the epoch), nothing is applied while a changed file is younger than `settleMs`; with
   * null, files are read even if they may be unfinished.
   */
  async read(now: number | null): Promise<Reading> {
    let scan: Scan;
    try {
      scan = await scanFolder(this.#root);
    } catch (error) {
      const message = `the manifest folder ${explainErrno(error)}; what was read before stays in force`;
      const problem = pathProblem('KNAT_FOLDER_MISSING', this.#root, message);
      return this.#reading(null, false, new Map([[this.#root, problem]]));
    }
    const changed = [...scan.files.values()].filter(
      ({ path, signature }) => this.#signatures.get(path) !== signature,
    );
    if (now !== null && changed.some((file) => isYoung(file, now, this.#options.settleMs))) return UNSETTLED;
    for (const file of changed) {
      const isTaken = await this.#readFile(file, now === null);
      if (!isTaken && now !== null) return UNSETTLED;
    }
    for (const path of this.#state.paths()) {
      if (!scan.files.has(path) && !isBelowAny(path, scan.unreadable)) this.#forget(path);
    }
    return this.#reading(scan.rootIdentity, scan.isPlain, scan.unreadable);
  }

  #reading(rootIdentity: string | null, isPlain: boolean, unreadable: ReadonlyMap<string, Finding>): Reading {
    const problems = this.#state.problems();
    for (const [path, problem] of unreadable) problems.set(path, [problem]);
    return {
      settled: true,
      changes: this.#state.takeChanges(),
      problems: this.#changedProblems(problems),
      rootIdentity,
      isPlain,
    };
  }

  /** False if the file was removed, or changed while it was read; `asItIs` ignores such changes. */
  async #readFile(file: ScannedFile, asItIs: boolean): Promise<boolean> {
    const { path, signature } = file;
    const read = await readManifestFile(file, this.#options.maxFileBytes);
    if (read === 'gone') return false;
    if ('text' in read) {
      if (!asItIs && !(await isUnchanged(file))) return false;
      this.#state.setFile(path, readFileObjects(read.text, path, this.#context));
    } else this.#state.setUnreadable(path, [pathProblem(read.code, path, read.message)]);
    this.#signatures.set(path, signature);
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

async function isUnchanged(file: ScannedFile): Promise<boolean> {
  try {
    const stats = await stat(file.path);
    return stats.size === file.size && Math.floor(stats.mtimeMs) === file.modifiedAt;
  } catch {
    return false;
  }
}

function isBelowAny(path: string, folders: ReadonlyMap<string, Finding>): boolean {
  for (const folder of folders.keys()) if (path === folder || path.startsWith(`${folder}/`)) return true;
  return false;
}
