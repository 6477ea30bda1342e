/**
 * A lock of the network namespace that only those with CAP_NET_ADMIN can take: a group of NFLOG
 * (include/uapi/linux/netfilter/nfnetlink_log.h). A group belongs to the netlink socket that bound it, nobody else can
 * bind or configure it, and the kernel gives it up when the socket is closed, however its process ended. It is no part
 * of the ruleset: nothing flushes it, nothing shows it, and no packet is touched.
 *
 * Kernels without NFLOG have queues of NFQUEUE, which are bound in the same way (nfnetlink_queue.h).
 */
import { ByteWriter } from '../bytes.ts';
import { Denied, type KernelError, Rejected, Unsupported } from '../errors.ts';
import { beginMessage, endMessage, NLM_F_ACK, NLM_F_REQUEST, writeNfgenmsg } from '../messages.ts';
import { request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';

/** "kn": no well-known program logs to such a group. */
const NUMBER = 0x6b6e;
const AF_UNSPEC = 0;
/** NFULA_CFG_CMD and NFQA_CFG_CMD, NFULNL_CFG_CMD_BIND and NFQNL_CFG_CMD_BIND are both 1. */
const CFG_CMD = 1;
const BIND = 1;

interface Kind {
  readonly name: string;
  /** Subsystem in the high byte, *_MSG_CONFIG in the low one. */
  readonly type: number;
  /** Bytes behind the command in its structure. */
  readonly padding: number;
}

const KINDS: readonly Kind[] = [
  { name: 'NFULNL_MSG_CONFIG', type: (4 << 8) | 1, padding: 0 },
  { name: 'NFQNL_MSG_CONFIG', type: (3 << 8) | 2, padding: 3 },
];

/** How an attempt to lock ended; `unsupported`: this kernel has neither kind; `denied`: no CAP_NET_ADMIN. */
export type LockOutcome = NamespaceLock | 'held' | 'denied' | 'unsupported';

export class NamespaceLock {
  readonly #socket: NetlinkSocket;

  /**
   * Locks the network namespace of the calling thread. Throws what else the kernel says.
   *
   * @param number of the group; only tests have another
   */
  static take(number = NUMBER): LockOutcome {
    const socket = NetlinkSocket.open('NETLINK_NETFILTER', { receiveBuffer: 64 << 10 });
    try {
      for (const kind of KINDS) {
        const refusal = bind(socket, kind, number);
        if (refusal === null) return new NamespaceLock(socket);
        if (isAbsent(refusal)) continue;
        // Of another socket's group the kernel says the same as to somebody without rights: one that is surely free tells.
        if (refusal instanceof Denied) return closing(socket, mayBind(kind) ? 'held' : 'denied');
        if (refusal.errno === 'EBUSY') return closing(socket, 'held');
        throw refusal;
      }
      return closing(socket, 'unsupported');
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Gives the lock up. May be called again. */
  release(): void {
    this.#socket.close();
  }
}

function closing<Outcome>(socket: NetlinkSocket, outcome: Outcome): Outcome {
  socket.close();
  return outcome;
}

/** Whether anything can be bound at all; what is bound for it is free again at once. */
function mayBind(kind: Kind): boolean {
  const socket = NetlinkSocket.open('NETLINK_NETFILTER', { receiveBuffer: 64 << 10 });
  try {
    for (let attempt = 0; attempt < 8; attempt++) {
      if (bind(socket, kind, 0x8000 | Math.floor(Math.random() * 0x8000)) === null) return true;
    }
    return false;
  } finally {
    socket.close();
  }
}

function bind(socket: NetlinkSocket, { name, type, padding }: Kind, number: number): KernelError | null {
  const writer = new ByteWriter();
  const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_ACK, 1);
  writeNfgenmsg(writer, AF_UNSPEC, number);
  const attribute = writer.open(CFG_CMD);
  writer.u8(BIND);
  for (let index = 0; index < padding; index++) writer.u8(0);
  writer.close(attribute);
  endMessage(writer, start);
  try {
    request(socket, writer.written, 1, `${name} ${number}`);
    return null;
  } catch (error) {
    if (error instanceof Denied || error instanceof Rejected || error instanceof Unsupported) return error;
    throw error;
  }
}

/** EINVAL: nfnetlink has no such subsystem. */
function isAbsent(error: KernelError): boolean {
  return error instanceof Unsupported || error.errno === 'EINVAL';
}
