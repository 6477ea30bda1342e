/** Sends packets whose headers are made here: raw(7) with IP_HDRINCL, which IPPROTO_RAW means, and IPV6_HDRINCL. */
import koffi from 'koffi';
import { type IpAddress, putAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { putHost16, putHost32 } from '../bytes.ts';
import { systemError } from '../errors.ts';
import { familyNumber } from '../family-number.ts';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  sendto: libc.func(
    'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *to, uint32_t toLength)',
  ),
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

/** For one family, in the network namespace in which it was opened. */
export class RawSender {
  readonly #fd: number;
  readonly #to: Uint8Array;
  readonly #addressAt: number;

  /** Throws Denied without CAP_NET_RAW. */
  constructor(family: Family) {
    this.#fd = call.socket(familyNumber[family], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (this.#fd < 0) throw systemError(`raw socket for ${family}`, koffi.errno());
    const [length, at] = SOCKADDR[family];
    this.#to = new Uint8Array(length);
    this.#addressAt = at;
    putHost16(this.#to, 0, familyNumber[family]);
    this.#set(SOL_SOCKET, SO_RCVBUF, 0); // nothing is received
    if (family === 'IPv6') this.#set(IPPROTO_IPV6, IPV6_HDRINCL, 1);
  }

  /** False: the kernel did not take it (no route, or a rule drops it). */
  send(packet: Uint8Array, to: IpAddress): boolean {
    putAddress(this.#to, this.#addressAt, to);
    return call.sendto(this.#fd, packet, packet.length, MSG_DONTWAIT, this.#to, this.#to.length) >= 0;
  }

  close(): void {
    call.close(this.#fd);
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
