/** Locks of open files and folders, as the kernel keeps them: flock(2). */
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const flock = libc.func('int flock(int fd, int operation)');

/** include/uapi/asm-generic/fcntl.h */
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/**
 * Locks the open file until it is closed or this process ends, by whatever signal. False: another program has locked it. True
 * also on a file system without locks.
 */
export function tryLock(fd: number): boolean {
  return flock(fd, LOCK_EX | LOCK_NB) === 0 || koffi.errno() !== EWOULDBLOCK;
}
