import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderLock } from './folder-lock.ts';
import { ensurePrivateFolder } from './private-files.ts';

/** A file of the journal. */
export interface SegmentFile {
  /** Later segments have greater numbers, whatever the clock did. */
  readonly number: number;
  /** Milliseconds since the epoch: the time of its first state. */
  readonly startedAt: number;
  readonly path: string;
}

const NAME = /^(\d{10})-(\d{1,15})\.journal$/;
/** A segment whose first state is not whole. */
const UNFINISHED = '.new';

export function segmentPath(folder: string, number: number, startedAt: number): string {
  return join(folder, `${String(number).padStart(10, '0')}-${startedAt}.journal`);
}

export function unfinishedPath(folder: string): string {
  return join(folder, UNFINISHED);
}

/** In order of their numbers. Rejects if the folder cannot be read; one that does not exist has no segments. */
export async function segmentsIn(folder: string): Promise<SegmentFile[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const found = names.flatMap((name): SegmentFile[] => {
    const match = NAME.exec(name);
    if (match === null) return [];
    return [{ number: Number(match[1]), startedAt: Number(match[2]), path: join(folder, name) }];
  });
  return found.sort((a, b) => a.number - b.number);
}

/** Makes the folder if needed, and locks it. Returns the number of the next segment. */
export async function openFolder(folder: string, lock: FolderLock): Promise<number> {
  await ensurePrivateFolder(folder);
  await lock.hold(folder);
  await unlink(unfinishedPath(folder)).catch(ignoreAbsence);
  return ((await segmentsIn(folder)).at(-1)?.number ?? 0) + 1;
}

/** What is left: bytes of all segments, and the time of the oldest one in milliseconds since the epoch. */
export interface Kept {
  readonly bytes: number;
  readonly begins: number;
}

/** Deletes the oldest segments until the others have at most this many bytes. The newest is never deleted. */
export async function keepBelow(folder: string, bytes: number): Promise<Kept> {
  const segments = await segmentsIn(folder);
  let total = 0;
  let kept: Kept = { bytes: 0, begins: 0 };
  for (const [index, { path, startedAt }] of segments.toReversed().entries()) {
    total += (await stat(path)).size;
    if (index > 0 && total > bytes) await unlink(path).catch(ignoreAbsence);
    else kept = { bytes: total, begins: startedAt };
  }
  return kept;
}

/** @param most bytes from the beginning; absent: all. Null: it was deleted meanwhile. */
export async function readSegment({ path }: SegmentFile, most?: number): Promise<Buffer | null> {
  try {
    return most === undefined ? await readFile(path) : await readBeginning(path, most);
  } catch (error) {
    ignoreAbsence(error);
    return null;
  }
}

async function readBeginning(path: string, most: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(most), 0, most, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function ignoreAbsence(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
