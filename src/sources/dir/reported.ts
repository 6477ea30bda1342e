import { realpath, statfs } from 'node:fs/promises';

/**
 * Magic numbers (linux/magic.h) of file systems that only this machine writes, so that inotify reports every change: ext2 to
 * ext4, XFS, btrfs, tmpfs, ramfs, overlayfs, ZFS, F2FS.
 */
const LOCAL = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0x2fc12fc1, 0xf2f52010,
]);

/** Whether the kernel reports every change of a folder: the file system is local, and the path has no link that may change. */
export async function reportsChanges(folder: string): Promise<boolean> {
  try {
    return (await realpath(folder)) === folder && LOCAL.has((await statfs(folder)).type);
  } catch {
    return false;
  }
}
