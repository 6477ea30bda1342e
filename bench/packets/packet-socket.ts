import koffi from 'koffi';
import { FRAME_BYTES } from './frames.ts';

/** Linux, asm-generic numbers; `struct sockaddr_ll`, `struct iovec` and `struct mmsghdr` of 64-bit systems. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  sendmmsg: libc.func('int sendmmsg(int fd, void *messages, uint32_t count, int flags)'),
  if_nametoindex: libc.func('unsigned int if_nametoindex(const char *name)'),
  close: libc.func('int close(int fd)'),
};

/** Sends Ethernet frames out of one interface, many in one system call. It receives nothing. */
export class PacketSocket {
  /** The frames that `send` sends, each of `FRAME_BYTES` bytes. */
  readonly frames: readonly Uint8Array[];
  readonly #fd: number;
  readonly #vectors: DataView;
  readonly #messages: unknown;

  /** Opens the socket in the network namespace of this process. Throws when the interface is not there. */
  constructor(interfaceName: string, frames: number) {
    const index = call.if_nametoindex(interfaceName);
    if (index === 0) throw new Error(`${interfaceName}: errno ${koffi.errno()}`);
    this.#fd = checked('socket', call.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setInt32(4, index, true);
    checked('bind', call.bind(this.#fd, new Uint8Array(address.buffer), 20));
    const data = koffi.alloc('uint8_t', frames * FRAME_BYTES);
    const vectors = koffi.alloc('uint8_t', frames * IOVEC_BYTES);
    this.#messages = koffi.alloc('uint8_t', frames * MMSGHDR_BYTES);
    this.#vectors = new DataView(koffi.view(vectors, frames * IOVEC_BYTES));
    const messages = new DataView(koffi.view(this.#messages, frames * MMSGHDR_BYTES));
    const bytes = koffi.view(data, frames * FRAME_BYTES);
    for (let i = 0; i < frames; i++) {
      this.#vectors.setBigUint64(i * IOVEC_BYTES, koffi.address(data) + BigInt(i * FRAME_BYTES), true);
      messages.setBigUint64(i * MMSGHDR_BYTES + 16, koffi.address(vectors) + BigInt(i * IOVEC_BYTES), true);
      messages.setBigUint64(i * MMSGHDR_BYTES + 24, 1n, true);
    }
    this.frames = Array.from(
      { length: frames },
      (_, i) => new Uint8Array(bytes, i * FRAME_BYTES, FRAME_BYTES),
    );
  }

  /** Sets the length of a frame. */
  setLength(frame: number, bytes: number): void {
    this.#vectors.setBigUint64(frame * IOVEC_BYTES + 8, BigInt(bytes), true);
  }

  /** Sends the first `count` frames. Returns when the node has processed them: veth delivers in the sender's call. */
  send(count: number): void {
    const sent = checked('sendmmsg', call.sendmmsg(this.#fd, this.#messages, count, 0));
    if (sent !== count) throw new Error(`sendmmsg: ${sent} of ${count} frames`);
  }

  close(): void {
    call.close(this.#fd);
  }
}

function checked(name: string, result: number): number {
  if (result < 0) throw new Error(`${name}: errno ${koffi.errno()}`);
  return result;
}
