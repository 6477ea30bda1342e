import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open } from 'node:fs/promises';

/** Files and folders that only their owner can read, and that no symbolic link leads elsewhere. */

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants;

/** A file to which is appended; made if it does not exist. Rejects if it is a symbolic link. */
export async function openAppended(path: string): Promise<FileHandle> {
  return await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

/** A file to which is appended. Rejects if it does not exist, or is a symbolic link. */
export async function openExisting(path: string): Promise<FileHandle> {
  return await open(path, O_WRONLY | O_APPEND | O_NOFOLLOW);
}

/** Rejects if something has this name. */
export async function createAppended(path: string): Promise<FileHandle> {
  return await open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** A folder of this user that nobody else can enter. Rejects if it is another's, or no folder, or a symbolic link. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, mode, ...found } = await stateOf(path);
  if (!found.isFolder) throw new Error(`${path} is no folder`);
  if (uid !== process.getuid?.()) throw new Error(`${path} belongs to user ${uid}`);
  if ((mode & 0o077) !== 0) await chmod(path, 0o700);
}

async function stateOf(path: string) {
  const state = await lstat(path);
  return { uid: state.uid, mode: state.mode, isFolder: state.isDirectory() };
}
