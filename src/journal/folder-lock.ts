import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** Locks an open file for this program; false: another one has locked it. */
export type TryLock = (fd: number) => boolean;

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** Another agent has the folder. */
export class FolderTaken extends Error {
  override readonly name = 'FolderTaken';
  constructor(folder: string) {
    super(`another agent keeps its history in ${folder}: give each agent a folder of its own`);
  }
}

/** Two agents with one folder would delete and replace each other's segments: the first one locks it. */
export class FolderLock {
  readonly #tryLock: TryLock;
  #held: FileHandle | null = null;

  constructor(tryLock: TryLock) {
    this.#tryLock = tryLock;
  }

  /** Rejects with FolderTaken if another agent has the folder. May be called again: a folder that was replaced since is locked anew. */
  async hold(folder: string): Promise<void> {
    if (this.#held !== null && (await isSame(this.#held, folder))) return;
    await this.release();
    const handle = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!this.#tryLock(handle.fd)) {
      await handle.close();
      throw new FolderTaken(folder);
    }
    this.#held = handle;
  }

  async release(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    await held?.close();
  }
}

async function isSame(held: FileHandle, folder: string): Promise<boolean> {
  const [own, now] = await Promise.all([held.stat(), stat(folder)]);
  return own.ino === now.ino && own.dev === now.dev;
}
