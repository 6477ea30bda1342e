/**
 * A lock of the network namespace that needs CAP_NET_ADMIN: an NFLOG group
 * (include/uapi/linux/netfilter/nfnetlink_log.h). A group belongs to the netlink socket that bound it; no other socket
 * can bind or configure it, and the kernel frees it when the socket is closed, however the process ended. It is not
 * part of the ruleset, cannot be flushed, and affects no packet.
 *
 * On kernels without NFLOG, an NFQUEUE queue (nfnetlink_queue.h) works the same way.
 */
import { binary, writeAttribute } from '../attributes.ts';
import type { ByteWriter } from '../bytes.ts';
import { NetlinkClient } from '../client.ts';
import { Denied, type KernelError, Rejected, Unsupported } from '../errors.ts';
import { NLM_F_ACK, writeNfgenmsg } from '../messages.ts';

/** "kn": no well-known program uses this group. */
const NUMBER = 0x6b6e;
const AF_UNSPEC = 0;
/** NFULA_CFG_CMD and NFQA_CFG_CMD, NFULNL_CFG_CMD_BIND and NFQNL_CFG_CMD_BIND are both 1. */
const CFG_CMD = 1;
const BIND = 1;

interface Kind {
  readonly name: string;
  /** Subsystem in the high byte, *_MSG_CONFIG in the low one. */
  readonly type: number;
  /** Bytes after the command in its structure. */
  readonly padding: number;
}

const KINDS: readonly Kind[] = [
  { name: 'NFULNL_MSG_CONFIG', type: (4 << 8) | 1, padding: 0 },
  { name: 'NFQNL_MSG_CONFIG', type: (3 << 8) | 2, padding: 3 },
];

/** `unsupported`: this kernel has neither kind; `denied`: no CAP_NET_ADMIN. */
export type LockOutcome = NamespaceLock | 'held' | 'denied' | 'unsupported';

export class NamespaceLock extends NetlinkClient {
  /** Locks the calling thread's network namespace. Throws unexpected kernel errors. Only tests give a number. */
  static take(number = NUMBER): LockOutcome {
    const lock = new NamespaceLock();
    let outcome: LockOutcome | null = null;
    try {
      outcome = lock.#take(number);
      return outcome;
    } finally {
      if (outcome !== lock) lock.close();
    }
  }

  private constructor() {
    super('NETLINK_NETFILTER', { receiveBuffer: 64 << 10 });
  }

  /** May be called again. */
  release(): void {
    this.close();
  }

  #take(number: number): LockOutcome {
    for (const kind of KINDS) {
      const refusal = this.#bind(kind, number);
      if (refusal === null) return this;
      if (isAbsent(refusal)) continue;
      // The kernel refuses another socket's group and a process without rights alike; a free group shows the
      // difference.
      if (refusal instanceof Denied) return NamespaceLock.#mayBind(kind) ? 'held' : 'denied';
      if (refusal.errno === 'EBUSY') return 'held';
      throw refusal;
    }
    return 'unsupported';
  }

  /** Whether this process may bind groups; the group bound to find out is freed at once. */
  static #mayBind(kind: Kind): boolean {
    const lock = new NamespaceLock();
    try {
      for (let attempt = 0; attempt < 8; attempt++) {
        if (lock.#bind(kind, 0x8000 | Math.floor(Math.random() * 0x8000)) === null) return true;
      }
      return false;
    } finally {
      lock.close();
    }
  }

  /** Returns the kernel's refusal, or null. */
  #bind({ name, type, padding }: Kind, number: number): KernelError | null {
    const write = (writer: ByteWriter) => {
      writeNfgenmsg(writer, AF_UNSPEC, number);
      writeAttribute(writer, CFG_CMD, binary, Uint8Array.of(BIND, ...new Uint8Array(padding)));
    };
    try {
      this.request({ type, flags: NLM_F_ACK, subject: `${name} ${number}`, write });
      return null;
    } catch (error) {
      if (error instanceof Denied || error instanceof Rejected || error instanceof Unsupported) return error;
      throw error;
    }
  }
}

/** EINVAL: nfnetlink has no such subsystem. */
function isAbsent(error: KernelError): boolean {
  return error instanceof Unsupported || error.errno === 'EINVAL';
}
