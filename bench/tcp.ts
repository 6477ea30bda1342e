import koffi from 'koffi';
import { addressBytes, type IpAddress } from '../src/net/address.ts';

/**
 * TCP by system calls, so that a connection takes little time outside the kernel: Node.js' own sockets take
 * several times as long as the whole handshake. IPv4, blocking. Linux, asm-generic numbers.
 */
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const EINPROGRESS = 115;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const SO_BINDTODEVICE = 25;
const BACKLOG = 4096;

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  accept: libc.func('int accept4(int fd, void *address, void *length, int flags)'),
  connect: libc.func('int connect(int fd, const void *address, uint32_t length)'),
  close: libc.func('int close(int fd)'),
};

/** A listener's address and port, as the kernel takes it: `struct sockaddr_in`. */
export type SocketAddress = Uint8Array;

export function socketAddress(address: IpAddress, port: number): SocketAddress {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint16(0, AF_INET, true);
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  bytes.set(addressBytes(address), 4);
  return bytes;
}

/** `SO_LINGER` on, with zero seconds: `close` sends a reset, so that neither end keeps the connection in TIME_WAIT. */
const AT_ONCE = new Uint8Array(Int32Array.of(1, 0).buffer);

/** The name of an interface, as the kernel takes it. */
export type InterfaceName = Uint8Array;

export function interfaceName(name: string): InterfaceName {
  return new TextEncoder().encode(`${name}\0`);
}

/** Connects through this interface and closes at once. Throws when there is no answer or the connection is refused. */
export function connectOnce(to: SocketAddress, through: InterfaceName): void {
  const fd = checked('socket', call.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  checked('setsockopt', call.setsockopt(fd, SOL_SOCKET, SO_LINGER, AT_ONCE, AT_ONCE.length));
  checked('setsockopt', call.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, through, through.length));
  checked('connect', call.connect(fd, to, to.length));
  call.close(fd);
}

/** Sends the first packet of a connection and gives up; from an address that the host need not have. */
export function connectInVain(to: SocketAddress, from: SocketAddress | null = null): void {
  const fd = checked('socket', call.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  try {
    if (from !== null) {
      const on = new Uint8Array(Int32Array.of(1).buffer);
      checked('setsockopt', call.setsockopt(fd, SOL_IP, IP_TRANSPARENT, on, on.length));
      checked('bind', call.bind(fd, from, from.length));
    }
    const result = call.connect(fd, to, to.length);
    if (result < 0 && koffi.errno() !== EINPROGRESS) checked('connect', result);
  } finally {
    call.close(fd);
  }
}

/** Listens on this address, accepts every connection and closes it. Never returns: it needs a separate process. */
export function acceptForEver(at: SocketAddress, onListening: () => void): never {
  const listener = checked('socket', call.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const on = new Uint8Array(Int32Array.of(1).buffer);
  checked('setsockopt', call.setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, on, on.length));
  checked('bind', call.bind(listener, at, at.length));
  checked('listen', call.listen(listener, BACKLOG));
  onListening();
  for (;;) call.close(checked('accept', call.accept(listener, null, null, SOCK_CLOEXEC)));
}

function checked(name: string, result: number): number {
  if (result < 0) throw new Error(`${name}: errno ${koffi.errno()}`);
  return result;
}
