/**
 * The only file with a socket: netlink(7) through libc.
 *
 * nfnetlink and rtnetlink work inside `send`, so a request is a synchronous call of some microseconds, and its answer
 * is ready when `send` returns. Notifications are watched by the event loop and drained without blocking. A socket
 * belongs to the network namespace in which it was opened.
 */
import { close } from 'node:fs';
import koffi, { type node } from 'koffi';
import { host32, putHost16, putHost32 } from './bytes.ts';
import { failureOf, kernelError, systemError } from './errors.ts';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, void *address, uint32_t length)'),
  getsockname: libc.func('int getsockname(int fd, void *address, void *length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  send: libc.func('intptr_t send(int fd, void *bytes, size_t length, int flags)'),
  recv: libc.func('intptr_t recv(int fd, void *bytes, size_t length, int flags)'),
  poll: libc.func('int poll(void *fds, unsigned long count, int timeout)'),
  close: libc.func('int close(int fd)'),
};

/** include/uapi/linux/netlink.h */
const PROTOCOLS = { NETLINK_ROUTE: 0, NETLINK_SOCK_DIAG: 4, NETLINK_NETFILTER: 12 } as const;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const SOL_NETLINK = 270;
/** include/uapi/asm-generic/socket.h; the same numbers on all architectures that Node.js 20 runs on. */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** `struct sockaddr_nl`: family, padding, port id, groups. */
const SOCKADDR_NL = 12;

/**
 * Size of a receive buffer. Dump datagrams have up to 32 KiB (af_netlink.c, `max_recvmsg_len`); a single message is
 * longer only for a link with hundreds of virtual functions.
 */
const DATAGRAM = 256 * 1024;

/** `overrun`: notifications were lost because the buffer was full. */
export type Received = Uint8Array | 'nothing' | 'overrun';

/** One instruction of a classic socket filter: `struct sock_filter` (include/uapi/linux/filter.h). */
export type FilterInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

export interface NetlinkSocketOptions {
  /** Bytes; 8 MiB by default: about 20,000 notifications. */
  readonly receiveBuffer?: number;
}

export class NetlinkSocket {
  /** The `portId` of notifications that this socket's requests cause. */
  readonly portId: number;
  readonly #buffer = new Uint8Array(DATAGRAM);
  #fd: number;
  #sendBuffer = 0;
  #watch: node.PollHandle | null = null;

  /** Opens a socket in the current network namespace. Throws Denied or Unsupported. */
  static open(protocol: keyof typeof PROTOCOLS, options: NetlinkSocketOptions = {}): NetlinkSocket {
    const fd: number = call.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, PROTOCOLS[protocol]);
    if (fd < 0) throw systemError(`socket ${protocol}`, koffi.errno());
    try {
      return new NetlinkSocket(fd, options);
    } catch (error) {
      call.close(fd);
      throw error;
    }
  }

  private constructor(fd: number, options: NetlinkSocketOptions) {
    this.#fd = fd;
    this.#setNumber(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.#setNumber(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.#grow(SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBuffer ?? 8 << 20);
    const address = new Uint8Array(SOCKADDR_NL);
    putHost16(address, 0, AF_NETLINK);
    if (call.bind(fd, address, SOCKADDR_NL) < 0) throw systemError('bind', koffi.errno());
    const length = Uint32Array.of(SOCKADDR_NL);
    if (call.getsockname(fd, address, length) < 0) throw systemError('getsockname', koffi.errno());
    this.portId = host32(address, 4);
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Throws Busy when the kernel is out of memory. */
  send(bytes: Uint8Array): void {
    if (bytes.length > this.#sendBuffer) {
      this.#sendBuffer = Math.max(bytes.length, 1 << 20);
      this.#grow(SO_SNDBUFFORCE, SO_SNDBUF, this.#sendBuffer);
    }
    for (;;) {
      const sent: number = call.send(this.#open(), bytes, bytes.length, 0);
      if (sent === bytes.length) return;
      const errno = sent < 0 ? koffi.errno() : koffi.os.errno.EMSGSIZE;
      if (errno !== koffi.os.errno.EINTR) throw systemError(`send of ${bytes.length} bytes`, errno ?? 0);
    }
  }

  /** Does not block. The next call overwrites the returned view. */
  receive(): Received {
    for (;;) {
      const got: number = call.recv(this.#open(), this.#buffer, DATAGRAM, MSG_DONTWAIT | MSG_TRUNC);
      if (got > DATAGRAM) throw systemError(`datagram of ${got} bytes`, koffi.os.errno.EMSGSIZE ?? 0);
      if (got >= 0) return this.#buffer.subarray(0, got);
      const errno = koffi.errno();
      if (errno === koffi.os.errno.EAGAIN) return 'nothing';
      if (errno === koffi.os.errno.ENOBUFS) return 'overrun';
      if (errno !== koffi.os.errno.EINTR) throw systemError('recv', errno);
    }
  }

  /** Blocks until something can be received; false after the timeout. */
  wait(milliseconds: number): boolean {
    const entry = new Uint8Array(8);
    putHost32(entry, 0, this.#open());
    putHost16(entry, 4, POLLIN);
    return call.poll(entry, 1, milliseconds) > 0;
  }

  /** Joins a multicast group: RTNLGRP_… or NFNLGRP_…. */
  join(group: number): void {
    this.#setNumber(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /** The receive buffer only takes datagrams that the classic BPF program accepts. */
  filter(program: readonly FilterInstruction[]): void {
    const code = new Uint8Array(program.length * 8);
    for (const [index, [operation, jumpTrue, jumpFalse, k]] of program.entries()) {
      putHost16(code, index * 8, operation);
      code[index * 8 + 2] = jumpTrue;
      code[index * 8 + 3] = jumpFalse;
      putHost32(code, index * 8 + 4, k);
    }
    // struct sock_fprog: count, padding to pointer alignment, pointer
    const pointerSize = koffi.sizeof('void *');
    const descriptor = new Uint8Array(pointerSize * 2);
    putHost16(descriptor, 0, program.length);
    koffi.encode(descriptor, pointerSize, 'void *', koffi.address(code));
    this.#set(SOL_SOCKET, SO_ATTACH_FILTER, descriptor);
  }

  /** Calls back when there is something to receive, which the callback must drain. Keeps the process alive. */
  watch(readable: () => void): void {
    if (this.#watch !== null) throw new Error('the socket is watched already');
    const onEvent = () => {
      try {
        readable();
      } finally {
        // libuv ends a watch at POLLERR, which an overrun causes, so it is restarted.
        this.#watch?.start({ readable: true }, onEvent);
      }
    };
    this.#watch = koffi.node.poll(this.#open(), { readable: true }, onEvent);
  }

  /** Also ends the watch. May be called again. */
  close(): void {
    const fd = this.#release();
    if (fd >= 0) call.close(fd);
  }

  /**
   * As `close`, in another thread. Closing a netfilter socket soon after a transaction of nf_tables waits until the
   * kernel has freed what the transaction removed (nf_tables_api.c, `nft_rcv_nl_event`): up to tens of milliseconds.
   */
  retire(): void {
    const fd = this.#release();
    if (fd >= 0) close(fd, () => {});
  }

  /** The descriptor, which the caller closes; negative: it was closed before. */
  #release(): number {
    const fd = this.#fd;
    this.#watch?.close();
    this.#watch = null;
    this.#fd = -1;
    return fd;
  }

  #open(): number {
    if (this.#fd < 0) throw kernelError([failureOf('closed socket', 'EBADF')]);
    return this.#fd;
  }

  #setNumber(level: number, name: number, value: number): void {
    this.#set(level, name, new Uint8Array(Uint32Array.of(value).buffer));
  }

  #set(level: number, name: number, value: Uint8Array): void {
    if (call.setsockopt(this.#open(), level, name, value, value.length) < 0) {
      throw systemError(`setsockopt ${level}/${name}`, koffi.errno());
    }
  }

  /** Exceeds net.core.{r,w}mem_max if the process may, otherwise stays within it. */
  #grow(forced: number, polite: number, size: number): void {
    const value = Uint32Array.of(size);
    if (call.setsockopt(this.#fd, SOL_SOCKET, forced, value, 4) < 0) {
      call.setsockopt(this.#fd, SOL_SOCKET, polite, value, 4);
    }
  }
}
