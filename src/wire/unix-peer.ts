/** The peer of a connected Unix socket, as the kernel knows it: SO_PEERCRED (unix(7)). */
import type { Socket } from 'node:net';
import koffi from 'koffi';
import { host32 } from './bytes.ts';

const libc = koffi.load('libc.so.6');
const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)');

/** include/uapi/asm-generic/socket.h; the same numbers on all architectures that Node.js 20 runs on. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: process, user, group. */
const UCRED = 12;

/** The user that opened the other end, as of connect or listen, in our user namespace. Null: it is gone. */
export function peerUser(socket: Socket): number | null {
  // Node.js exposes a socket's descriptor only here.
  const fd = (socket as { _handle?: { fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) return null;
  const credentials = new Uint8Array(UCRED);
  const length = Uint32Array.of(UCRED);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) < 0 ? null : host32(credentials, 4);
}

/** True for root and this process's own user, who may ask about this node's NAT and whose answers are trusted. */
export function isTrustedUser(user: number | null): boolean {
  return user !== null && (user === 0 || user === process.getuid?.());
}
