import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../model/finding.ts';
import { errnoOf, explainErrno, pathProblem } from './errors.ts';

/** A manifest file as found in the folder. */
export interface ScannedFile {
  readonly path: string;
  readonly size: number;
  /** Changes whenever the contents may have changed. */
  readonly signature: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface Scan {
  /** By path, sorted. */
  readonly files: ReadonlyMap<string, ScannedFile>;
  /** By the path that cannot be read; the known objects below it stay in force. */
  readonly unreadable: ReadonlyMap<string, Finding>;
  /** Changes when another folder replaces this one. */
  readonly rootIdentity: string;
  /**
   * Everything below the folder is on its file system, nothing is a link, and no file has a second name: a watch of the
   * folders sees each change.
   */
  readonly isPlain: boolean;
}

/** Files of a folder that are looked at together. */
const TOGETHER = 64;
/** Deeper folders are ignored; this limit ends loops of links. */
const DEEPEST = 32;

/** Hidden files and folders are not manifests: `..data` of a ConfigMap, `.git`, `.x.yaml.swp`. */
export function isHiddenName(name: string): boolean {
  return name.startsWith('.');
}

/**
 * Backup files of editors (`x.yaml~`, `#x.yaml#`, `4913`) have other endings; `kustomization.yaml` configures kustomize
 * and is no manifest.
 */
export function isManifestName(path: string): boolean {
  return /\.(ya?ml|json)$/.test(path) && !/(^|\/)kustomization\.ya?ml$/i.test(path);
}

/**
 * Finds all manifests below a folder, links followed. Throws the system's error when the folder itself cannot be
 * listed; unreadable paths below it are in `unreadable`.
 */
export async function scanFolder(root: string): Promise<Scan> {
  const rootStats = await stat(root, { bigint: true });
  const files: ScannedFile[] = [];
  const unreadable = new Map<string, Finding>();
  const visited = new Set<string>([identityOf(rootStats)]);
  let isPlain = true;

  const visit = async (folder: string, entries: readonly Dirent[], depth: number): Promise<void> => {
    const wanted = entries.filter(
      (entry) =>
        !isHiddenName(entry.name) &&
        (entry.isDirectory() || entry.isSymbolicLink() || isManifestName(entry.name)),
    );
    if (wanted.some((entry) => entry.isSymbolicLink())) isPlain = false;
    for (let first = 0; first < wanted.length; first += TOGETHER) {
      const paths = wanted.slice(first, first + TOGETHER).map(({ name }) => join(folder, name));
      const all = await Promise.all(paths.map((path) => lookAt(path, isManifestName(path), unreadable)));
      for (const [index, path] of paths.entries()) await see(path, all[index] ?? null, depth);
    }
  };
  const see = async (path: string, stats: BigIntStats | null, depth: number): Promise<void> => {
    if (stats === null) return;
    if (stats.dev !== rootStats.dev) isPlain = false;
    if (stats.isDirectory()) {
      if (depth >= DEEPEST || visited.has(identityOf(stats))) return;
      visited.add(identityOf(stats));
      const inner = await list(path, unreadable);
      if (inner !== null) await visit(path, inner, depth + 1);
    } else if (isManifestName(path)) {
      if (stats.isFile()) {
        if (stats.nlink > 1n) isPlain = false;
        files.push(scannedFile(path, stats));
      } else {
        const message = 'is no regular file: remove it, or give it another name';
        unreadable.set(path, pathProblem('KNAT_MANIFEST_UNREADABLE', path, message));
      }
    }
  };
  await visit(root, await readdir(root, { withFileTypes: true }), 0);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    files: new Map(files.map((file) => [file.path, file])),
    unreadable,
    rootIdentity: rootIdentityOf(rootStats),
    isPlain,
  };
}

/** The file as it is now; null: it is no file any more, or cannot be looked at. */
export async function scanAgain({ path }: ScannedFile): Promise<ScannedFile | null> {
  const stats = await stat(path, { bigint: true }).catch(() => null);
  return stats?.isFile() === true ? scannedFile(path, stats) : null;
}

async function lookAt(
  path: string,
  isWanted: boolean,
  unreadable: Map<string, Finding>,
): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    const gone = errnoOf(error) === 'ENOENT';
    if (!isWanted || (gone && !(await exists(path)))) return null;
    const why = gone ? 'is a symbolic link to nothing' : explainErrno(error);
    unreadable.set(path, pathProblem('KNAT_MANIFEST_UNREADABLE', path, why));
    return null;
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function list(folder: string, unreadable: Map<string, Finding>): Promise<readonly Dirent[] | null> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // Removed since its parent was listed, so the listing is out of date.
    if (errnoOf(error) !== 'ENOENT') {
      unreadable.set(folder, pathProblem('KNAT_FOLDER_UNREADABLE', folder, explainErrno(error)));
    }
    return null;
  }
}

/** With the time of its making: a folder that is made anew may get the number of the one that was removed. */
export function rootIdentityOf(stats: BigIntStats): string {
  return `${identityOf(stats)}:${stats.birthtimeNs}`;
}

function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

function scannedFile(path: string, stats: BigIntStats): ScannedFile {
  return {
    path,
    size: Number(stats.size),
    signature: `${identityOf(stats)}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
    modifiedAt: Number(stats.mtimeMs),
  };
}
