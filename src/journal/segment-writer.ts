import type { FileHandle } from 'node:fs/promises';
import { rename, unlink } from 'node:fs/promises';
import { constants, createDeflateRaw } from 'node:zlib';
import { type SegmentFile, segmentPath, unfinishedPath } from './folder.ts';
import { frameOf, MAGIC } from './frames.ts';
import { createAppended, openExisting } from './private-files.ts';

/** Writes one segment. It gets its name when its first state is whole, so that each segment can be read by itself. */
export class SegmentWriter {
  readonly #folder: string;
  readonly #file: FileHandle;
  readonly #deflate = createDeflateRaw({ level: 6 });
  #pieces: Buffer[] = [];
  #error: Error | null = null;
  /** Bytes in the file. */
  bytes = 0;

  /** Rejects if the file cannot be made. */
  static async begin(folder: string): Promise<SegmentWriter> {
    const path = unfinishedPath(folder);
    await unlink(path).catch(() => {}); // what an earlier attempt left; `createAppended` says if it cannot be removed
    const writer = new SegmentWriter(folder, await createAppended(path));
    await writer.#append(MAGIC);
    return writer;
  }

  /** Goes on with a segment that is whole. Rejects if it cannot be opened. */
  static async continue(folder: string, { path }: SegmentFile, bytes: number): Promise<SegmentWriter> {
    const writer = new SegmentWriter(folder, await openExisting(path));
    writer.bytes = bytes;
    return writer;
  }

  private constructor(folder: string, file: FileHandle) {
    this.#folder = folder;
    this.#file = file;
    this.#deflate.on('data', (piece: Buffer) => this.#pieces.push(piece));
    this.#deflate.on('error', (error) => {
      this.#error = error;
    });
  }

  /**
   * Appends whole lines; they can be read when this resolves. Rejects if the disk does not take them, or if the file was
   * deleted.
   */
  async add(lines: string): Promise<void> {
    this.#deflate.write(lines);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    if (this.#error !== null) throw this.#error;
    const piece = Buffer.concat(this.#pieces);
    this.#pieces = [];
    await this.#append(frameOf(piece));
    if ((await this.#file.stat()).nlink === 0) throw new Error(`its file in ${this.#folder} was deleted`);
  }

  /** The first state is whole: the segment gets its name. */
  async publish(number: number, startedAt: number): Promise<void> {
    await this.#file.datasync();
    await rename(unfinishedPath(this.#folder), segmentPath(this.#folder, number, startedAt));
  }

  async close(): Promise<void> {
    this.#deflate.close();
    await this.#file.close();
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes);
    this.bytes += bytes.length;
  }
}
