/**
 * Sends packets whose headers are made here: raw(7) with IP_HDRINCL, which IPPROTO_RAW means, and IPV6_HDRINCL. Many go in one
 * call of sendmmsg(2), from buffers that are made once.
 */
import koffi from 'koffi';
import { type IpAddress, putAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { littleEndian, putHost16, putHost32 } from '../bytes.ts';
import { systemError } from '../errors.ts';
import { familyNumber } from '../family-number.ts';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  sendmmsg: libc.func('int sendmmsg(int fd, void *messages, unsigned int count, int flags)'),
  close: libc.func('int close(int fd)'),
};

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;
const IPPROTO_IPV6 = 41;
const IPV6_HDRINCL = 36;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;

/** `struct sockaddr_in` and `sockaddr_in6`: length, and where the address is. */
const SOCKADDR = { IPv4: [16, 4], IPv6: [28, 8] } as const satisfies Record<Family, unknown>;

/** Packets of one call, and the most bytes of one. */
export const PACKETS = 256;
export const PACKET_BYTES = 64;

const POINTER = koffi.sizeof('void *');
/** `struct iovec`: pointer, length. */
const IOVEC = 2 * POINTER;
/** `struct mmsghdr`: seven fields of a pointer's size, aligned (msg_name, msg_namelen, msg_iov, msg_iovlen, …), and msg_len. */
const MMSGHDR = 8 * POINTER;

/** For one family, in the network namespace in which it was opened. */
export class RawSender {
  readonly #fd: number;
  readonly #addresses: Uint8Array;
  readonly #addressLength: number;
  readonly #addressAt: number;
  readonly #vectors = new Uint8Array(PACKETS * IOVEC);
  readonly #messages = new Uint8Array(PACKETS * MMSGHDR);
  readonly #packets: readonly Uint8Array[];
  #waiting = 0;

  /** Throws Denied without CAP_NET_RAW. */
  constructor(family: Family) {
    this.#fd = call.socket(familyNumber[family], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (this.#fd < 0) throw systemError(`raw socket for ${family}`, koffi.errno());
    const [length, at] = SOCKADDR[family];
    this.#addressLength = length;
    this.#addressAt = at;
    this.#addresses = new Uint8Array(PACKETS * length);
    const bytes = new Uint8Array(PACKETS * PACKET_BYTES);
    this.#packets = Array.from({ length: PACKETS }, (_, index) =>
      bytes.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES),
    );
    this.#layOut(familyNumber[family], bytes);
    this.#set(SOL_SOCKET, SO_RCVBUF, 0); // nothing is received
    if (family === 'IPv6') this.#set(IPPROTO_IPV6, IPV6_HDRINCL, 1);
  }

  /**
   * Puts a packet behind those that wait for `flush`; a full buffer is sent before.
   * @param write stores the packet into PACKET_BYTES bytes, whose content is any, and returns its length
   */
  put(to: IpAddress, write: (bytes: Uint8Array) => number): void {
    if (this.#waiting === PACKETS) this.flush();
    const index = this.#waiting++;
    const length = write(this.#packets[index] as Uint8Array);
    putAddress(this.#addresses, index * this.#addressLength + this.#addressAt, to);
    putSize(this.#vectors, index * IOVEC + POINTER, length);
  }

  /** Sends what waits. What the kernel does not take (no route, or a rule drops it) is left out. */
  flush(): void {
    const count = this.#waiting;
    this.#waiting = 0;
    for (let from = 0; from < count; ) {
      const messages = from === 0 ? this.#messages : this.#messages.subarray(from * MMSGHDR);
      const sent: number = call.sendmmsg(this.#fd, messages, count - from, MSG_DONTWAIT);
      // It stops at the first that fails, and tells of it when that is the first of a call.
      from += sent > 0 ? sent : 1;
    }
  }

  close(): void {
    call.close(this.#fd);
  }

  /** All pointers stay the same: only addresses, packets and lengths change. */
  #layOut(family: number, packets: Uint8Array): void {
    const [addresses, vectors, bytes] = [this.#addresses, this.#vectors, packets].map(koffi.address) as [
      bigint,
      bigint,
      bigint,
    ];
    for (let index = 0; index < PACKETS; index++) {
      const message = index * MMSGHDR;
      putHost16(this.#addresses, index * this.#addressLength, family);
      const at = (base: bigint, size: number) => base + BigInt(index * size);
      koffi.encode(this.#messages, message, 'void *', at(addresses, this.#addressLength));
      putHost32(this.#messages, message + POINTER, this.#addressLength);
      koffi.encode(this.#messages, message + 2 * POINTER, 'void *', at(vectors, IOVEC));
      putSize(this.#messages, message + 3 * POINTER, 1);
      koffi.encode(this.#vectors, index * IOVEC, 'void *', at(bytes, PACKET_BYTES));
    }
  }

  #set(level: number, name: number, value: number): void {
    const bytes = new Uint8Array(4);
    putHost32(bytes, 0, value);
    if (call.setsockopt(this.#fd, level, name, bytes, 4) < 0) {
      const error = systemError(`setsockopt ${level}/${name}`, koffi.errno());
      this.close();
      throw error;
    }
  }
}

/** Stores a `size_t` below 2^32, whose other bytes are zero. */
function putSize(bytes: Uint8Array, at: number, value: number): void {
  putHost32(bytes, littleEndian || POINTER === 4 ? at : at + 4, value);
}
