import { type Message, NLM_F_CREATE } from '../messages.ts';
import { deliver } from '../notifications.ts';
import { NetlinkSocket } from '../socket.ts';
import { type ConntrackEntry, readEntry } from './entry.ts';
import { FlowView } from './flow-view.ts';
import {
  type ConntrackEventKind,
  conntrackGroups,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_NEW,
} from './numbers.ts';

/** An entry that came, changed or went; or events were lost, and the table must be read anew. */
export type ConntrackEvent =
  | { readonly type: ConntrackEventKind; readonly entry: ConntrackEntry }
  | { readonly type: 'overrun' };

export interface ConntrackMonitorOptions {
  /** The kinds of interest; all by default. A kind that nobody asks for costs the packet path nothing. */
  readonly kinds?: readonly ConntrackEventKind[];
  /** Bytes of the receive buffer; 8 MiB by default. */
  readonly receiveBuffer?: number;
}

/**
 * A subscription to the events of connection tracking; `close` ends it at once. It keeps the process alive.
 * Entries that began while nobody was listening may end without an event (net.netfilter.nf_conntrack_events=2).
 */
export class ConntrackMonitor {
  readonly #socket: NetlinkSocket;

  static open(
    listen: (event: ConntrackEvent) => void,
    options: ConntrackMonitorOptions = {},
  ): ConntrackMonitor {
    return ConntrackMonitor.#open(
      (type, message) => listen({ type, entry: readEntry(message) }),
      () => listen({ type: 'overrun' }),
      options,
    );
  }

  /**
   * As `open`, for those who follow thousands of flows a second: an event is shown in one view that the next overwrites.
   * `lost`: events were lost, and the table must be read anew.
   */
  static openView(
    listen: (type: ConntrackEventKind, flow: FlowView) => void,
    lost: () => void,
    options: ConntrackMonitorOptions = {},
  ): ConntrackMonitor {
    const view = new FlowView();
    return ConntrackMonitor.#open((type, message) => listen(type, view.read(message)), lost, options);
  }

  static #open(
    listen: (type: ConntrackEventKind, message: Message) => void,
    lost: () => void,
    options: ConntrackMonitorOptions,
  ): ConntrackMonitor {
    const { receiveBuffer, kinds = Object.keys(conntrackGroups) as ConntrackEventKind[] } = options;
    const socket = NetlinkSocket.open(
      'NETLINK_NETFILTER',
      receiveBuffer === undefined ? {} : { receiveBuffer },
    );
    try {
      for (const kind of kinds) socket.join(conntrackGroups[kind]);
      const tell = (message: Message) => {
        const type = kindOf(message);
        if (type !== null) listen(type, message);
      };
      deliver(socket, tell, lost);
      return new ConntrackMonitor(socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  close(): void {
    this.#socket.close();
  }
}

function kindOf(message: Message): ConntrackEventKind | null {
  if (message.type === IPCTNL_MSG_CT_DELETE) return 'destroy';
  if (message.type !== IPCTNL_MSG_CT_NEW) return null;
  return (message.flags & NLM_F_CREATE) !== 0 ? 'new' : 'update';
}
