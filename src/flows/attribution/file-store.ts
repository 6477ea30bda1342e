import { createReadStream } from 'node:fs';
import { type FileHandle, rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { openAppended } from '../../journal/private-files.ts';
import { limitReached } from '../../limits/reached.ts';
import { limits } from '../../limits/table.ts';
import type { AttributionStore } from './store.ts';

/** Bytes that may wait for a slow disk; lines beyond that are lost, and the log records it. */
const WAITING = limits['attribution-waiting'].most;

/**
 * A log in a file, with its predecessor beside it (`FILE.1`). At half of the limit the file replaces its predecessor.
 * Readable by root only, since it records who spoke with whom.
 */
export class FileStore implements AttributionStore {
  readonly #path: string;
  readonly #halfBytes: number;
  #file: FileHandle;
  #size: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  rotations = 0;
  #trouble: string | null = null;

  /** `limit`: bytes of this file and the former one together. Rejects when the file cannot be written. */
  static async open(path: string, limit: number): Promise<FileStore> {
    const file = await openAppended(path);
    const { size } = await file.stat();
    const store = new FileStore(path, limit, file, size);
    // A crash may have left a partial line; the next line must not join it.
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer[0] !== 10) store.append('\n');
    }
    return store;
  }

  private constructor(path: string, limit: number, file: FileHandle, size: number) {
    this.#path = path;
    this.#halfBytes = Math.max(1, Math.floor(limit / 2));
    this.#file = file;
    this.#size = size;
  }

  append(lines: string): void {
    if (this.#waitingBytes > WAITING) {
      limitReached('attribution-waiting');
      this.#trouble = 'the disk was too slow';
      return;
    }
    this.#waiting.push(lines);
    this.#waitingBytes += lines.length;
    this.#writing ??= this.#write();
  }

  async *read(): AsyncGenerator<string> {
    await this.#writing;
    for (const path of [`${this.#path}.1`, this.#path]) {
      const input = createReadStream(path);
      try {
        yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      } finally {
        input.destroy();
      }
    }
  }

  takeTrouble(): string | null {
    const trouble = this.#trouble;
    this.#trouble = null;
    return trouble;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  /** Writes everything that waits, including lines added meanwhile. */
  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = Buffer.from(this.#waiting.join(''));
        this.#waiting = [];
        this.#waitingBytes = 0;
        if (this.#size > 0 && this.#size + bytes.length > this.#halfBytes) await this.#rotate();
        await this.#file.appendFile(bytes);
        this.#size += bytes.length;
      }
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
    } finally {
      this.#writing = null;
    }
  }

  async #rotate(): Promise<void> {
    await rename(this.#path, `${this.#path}.1`);
    const next = await openAppended(this.#path);
    await this.#file.close();
    this.#file = next;
    this.#size = 0;
    this.rotations++;
  }
}
