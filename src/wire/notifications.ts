import { net32, putHost32 } from './bytes.ts';
import { Malformed } from './errors.ts';
import { type Message, messagesOf } from './messages.ts';
import { type FilterInstruction, NetlinkSocket } from './socket.ts';

/** Most datagrams in one turn of the event loop, so that a flood of notifications does not starve timers. */
const DATAGRAMS_PER_TURN = 128;
/** More datagrams than a receive buffer holds: the kernel doubles 8 MiB, and counts more than 512 bytes for the smallest. */
const DATAGRAMS_IN_BUFFER = 32_768;

export interface Subscription {
  readonly protocol: 'NETLINK_ROUTE' | 'NETLINK_NETFILTER';
  readonly groups: readonly number[];
  /** Bytes of the receive buffer; 8 MiB by default. */
  readonly receiveBuffer?: number | undefined;
  /**
   * What came before a loss is delivered after `lost`, instead of being dropped: for readers of what happened, not of what is.
   * Until all of it is read the kernel drops what comes, without a word.
   */
  readonly keepsBuffered?: boolean | undefined;
  /** Drops notifications caused by this port inside the kernel, without cost for the process. */
  readonly ignorePortId?: number | undefined;
}

/**
 * Calls `listen` from the event loop for each message of the groups, in the network namespace of the calling thread.
 * Calls `lost` when notifications exceeded the receive buffer (ENOBUFS) or could not be decoded: read everything again.
 * What happens after `lost` is told, or `lost` is called again.
 * Keeps the process alive. Returns a function that stops at once.
 */
export function subscribe(
  { protocol, groups, receiveBuffer, ignorePortId, keepsBuffered = false }: Subscription,
  listen: (message: Message) => void,
  lost: () => void,
): () => void {
  const socket = NetlinkSocket.open(protocol, receiveBuffer === undefined ? {} : { receiveBuffer });
  try {
    if (ignorePortId !== undefined) socket.filter(droppingPort(ignorePortId));
    for (const group of groups) socket.join(group);
    deliver(socket, listen, lost, keepsBuffered);
    return () => socket.close();
  } catch (error) {
    socket.close();
    throw error;
  }
}

function deliver(
  socket: NetlinkSocket,
  message: (message: Message) => void,
  lost: () => void,
  keepsBuffered: boolean,
): void {
  let isOverrun = false;
  socket.watch(() => {
    for (let count = 0; count < DATAGRAMS_PER_TURN && !socket.closed; count++) {
      const received = socket.receive();
      if (received === 'overrun' && keepsBuffered) lost();
      else if (received === 'overrun' || isOverrun) {
        isOverrun = !emptied(socket);
        lost();
        if (isOverrun) return;
      } else if (received === 'nothing') return;
      else if (!decoded(received, socket, message)) lost();
    }
  });
}

/**
 * Drops what is left in the buffer after an overrun. Until it was empty once the kernel drops all that comes, without another
 * ENOBUFS (af_netlink.c, NETLINK_S_CONGESTED), so that `lost` comes after this. False at another overrun: empty it again.
 */
function emptied(socket: NetlinkSocket): boolean {
  for (let count = 0; count < DATAGRAMS_IN_BUFFER; count++) {
    const received = socket.receive();
    if (received === 'nothing') return true;
    if (received === 'overrun') return false;
  }
  return true; // it was empty meanwhile
}

/** False when the datagram is malformed. The listener may close the socket. */
function decoded(datagram: Uint8Array, socket: NetlinkSocket, message: (message: Message) => void): boolean {
  try {
    for (const one of messagesOf(datagram)) {
      if (socket.closed) return true;
      message(one);
    }
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

/**
 * A classic BPF program that drops datagrams whose first message has this port id, before they occupy the receive
 * buffer. All messages of one datagram come from one transaction and so from one port.
 *
 *     ld  [12]            nlmsg_pid, which BPF loads as big-endian
 *     jeq #portId, 0, 1
 *     ret #0
 *     ret #0xffffffff
 */
function droppingPort(portId: number): readonly FilterInstruction[] {
  const stored = new Uint8Array(4);
  putHost32(stored, 0, portId);
  return [
    [0x20, 0, 0, 12],
    [0x15, 0, 1, net32(stored, 0)],
    [0x06, 0, 0, 0],
    [0x06, 0, 0, 0xffff_ffff],
  ];
}
