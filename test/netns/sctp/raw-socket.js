/** A raw socket for SCTP (or another protocol), bound to one address of this host. Node.js has none: libc's are called. */
import koffi from 'koffi';
import { addressBytes, addressFromBytes } from './address.js';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, void *address, uint32_t length)'),
  connect: libc.func('int connect(int fd, void *address, uint32_t length)'),
  sendto: libc.func(
    'intptr_t sendto(int fd, void *bytes, size_t size, int flags, void *to, uint32_t length)',
  ),
  recvfrom: libc.func(
    'intptr_t recvfrom(int fd, void *bytes, size_t size, int flags, void *from, void *length)',
  ),
  close: libc.func('int close(int fd)'),
};
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_SCTP = 132;
const MSG_DONTWAIT = 0x40;
const SOCKADDR_IN6 = 28;

export class RawSocket {
  /** @type {number} */
  #fd;
  /** @type {import('koffi').node.PollHandle | null} */
  #watch = null;
  #buffer = new Uint8Array(65536);

  /**
   * Throws when this host does not have the address.
   * @param {string} address
   * @param {number} [protocol] its number
   */
  constructor(address, protocol = IPPROTO_SCTP) {
    const domain = address.includes(':') ? AF_INET6 : AF_INET;
    this.#fd = call.socket(domain, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (this.#fd < 0) throw systemError('socket');
    const name = socketAddress(address);
    if (call.bind(this.#fd, name, name.length) < 0) {
      const error = systemError(`bind ${address}`);
      this.close();
      throw error;
    }
  }

  /**
   * Connects the socket to a peer: only a connected one receives ICMP errors (raw(7)).
   * @param {string} address
   */
  connect(address) {
    const name = socketAddress(address);
    if (call.connect(this.#fd, name, name.length) < 0) throw systemError(`connect ${address}`);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {string} address
   */
  send(bytes, address) {
    const name = socketAddress(address);
    if (call.sendto(this.#fd, bytes, bytes.length, 0, name, name.length) < 0) throw systemError('send');
  }

  /**
   * The next packet without its IP header; null when there is none. Throws the error of a received ICMP message.
   * @returns {{ bytes: Uint8Array, from: string } | null}
   */
  receive() {
    const name = new Uint8Array(SOCKADDR_IN6);
    const length = Uint32Array.of(name.length);
    const size = Number(
      call.recvfrom(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT, name, length),
    );
    if (size < 0) {
      if (koffi.errno() === koffi.os.errno.EAGAIN) return null;
      throw systemError('recv');
    }
    const isV4 = name[0] === AF_INET;
    // Only IPv4 includes the header: its first byte has its length in words.
    const header = isV4 ? ((this.#buffer[0] ?? 0) & 0xf) * 4 : 0;
    const from = addressFromBytes(isV4 ? name.subarray(4, 8) : name.subarray(8, 24));
    return { bytes: this.#buffer.slice(header, size), from };
  }

  /**
   * Calls back whenever something, or an error, can be received.
   * @param {() => void} readable
   */
  watch(readable) {
    const onEvent = () => {
      readable();
      this.#watch?.start({ readable: true }, onEvent); // libuv ends a watch at an error
    };
    this.#watch = koffi.node.poll(this.#fd, { readable: true }, onEvent);
  }

  close() {
    this.#watch?.close();
    this.#watch = null;
    if (this.#fd >= 0) call.close(this.#fd);
    this.#fd = -1;
  }
}

/**
 * `struct sockaddr_in` or `struct sockaddr_in6`, with port 0 as raw sockets want it.
 * @param {string} address
 */
function socketAddress(address) {
  const ip = addressBytes(address);
  const name = new Uint8Array(ip.length === 4 ? 16 : SOCKADDR_IN6);
  new Uint16Array(name.buffer, 0, 1)[0] = ip.length === 4 ? AF_INET : AF_INET6;
  name.set(ip, ip.length === 4 ? 4 : 8);
  return name;
}

/** @param {string} what */
function systemError(what) {
  const errno = koffi.errno();
  const code = Object.keys(koffi.os.errno).find((name) => koffi.os.errno[name] === errno);
  return Object.assign(new Error(`${what}: ${code ?? errno}`), { code });
}
