/** A raw socket that is never sent from: the kernel answers for iptables by its options (ip(7), getsockopt). */
import koffi from 'koffi';
import type { Family } from '../../net/family.ts';
import { systemError } from '../errors.ts';
import { familyNumber } from '../family-number.ts';

const libc = koffi.load('libc.so.6');
const call = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
  close: libc.func('int close(int fd)'),
};

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;

export class OptionSocket {
  readonly #fd: number;

  /** In the present network namespace. Throws Denied without rights. */
  constructor(family: Family) {
    this.#fd = call.socket(familyNumber[family], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (this.#fd < 0) throw systemError('socket for iptables', koffi.errno());
  }

  /** Sends the bytes as the question, and has the kernel write its answer over them. Throws the kernel's error. */
  read(level: number, option: number, bytes: Uint8Array): void {
    const length = Uint32Array.of(bytes.length);
    if (call.getsockopt(this.#fd, level, option, bytes, length) < 0)
      throw systemError(`getsockopt ${option} of iptables`, koffi.errno());
  }

  close(): void {
    call.close(this.#fd);
  }
}
