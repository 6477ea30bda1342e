import { ByteWriter } from '../bytes.ts';
import { Rejected } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import {
  beginMessage,
  endMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  writeNfgenmsg,
} from '../messages.ts';
import { answers, request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import { type ConntrackEntry, conntrackAttributes, creationAttributes, tupleAttributesOf } from './entry.ts';
import { type FlowFilter, kernelFilter, matches } from './filter.ts';
import { FlowView } from './flow-view.ts';
import { IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_NEW } from './numbers.ts';

/**
 * The connection tracking table of the network namespace in which the connection was opened. Every method is
 * synchronous and throws the errors of errors.ts.
 */
export class ConntrackConnection {
  readonly #socket: NetlinkSocket;
  #sequence = 1;

  static open(): ConntrackConnection {
    return new ConntrackConnection(NetlinkSocket.open('NETLINK_NETFILTER'));
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Shows each entry that the filter wants in one view, and gives control back after each datagram (some 150 entries), so
   * that others may work meanwhile. The table changes meanwhile: an entry may be missed or come twice. The callback must
   * not use this connection. Whoever ends before the last step closes the connection.
   */
  *dump(filter: FlowFilter, visit: (flow: FlowView) => void): Generator<undefined, void, undefined> {
    const family = filter.family === undefined ? 0 : familyNumber[filter.family];
    const sequence = this.#sequence++;
    const view = new FlowView();
    const bytes = message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family, sequence, kernelFilter(filter));
    yield* answers(this.#socket, bytes, sequence, 'IPCTNL_MSG_CT_GET', (one) => {
      if (matches(filter, view.read(one))) visit(view);
    });
  }

  /** The entries that the filter wants, as `dump`, at once. */
  entries(filter: FlowFilter = {}): ConntrackEntry[] {
    const found: ConntrackEntry[] = [];
    for (const _ of this.dump(filter, (flow) => found.push(flow.copy())));
    return found;
  }

  /** Deletes this very entry, not a later one of the same tuple. False when it is gone already. */
  delete(entry: Pick<ConntrackEntry, 'family' | 'protocol' | 'original' | 'id' | 'zone'>): boolean {
    const { family, protocol, original, id, zone } = entry;
    const attributes = {
      original: tupleAttributesOf(family, protocol, original),
      id,
      ...(zone === 0 ? {} : { zone }),
    };
    try {
      this.#request(
        IPCTNL_MSG_CT_DELETE,
        NLM_F_ACK,
        familyNumber[family],
        'IPCTNL_MSG_CT_DELETE',
        attributes,
      );
      return true;
    } catch (error) {
      if (error instanceof Rejected && error.errno === 'ENOENT') return false;
      throw error;
    }
  }

  /** Makes an entry as packets would; what NAT makes of it are its two tuples. Throws Rejected where one is taken. */
  create(entry: ConntrackEntry): void {
    const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    const family = familyNumber[entry.family];
    this.#request(IPCTNL_MSG_CT_NEW, flags, family, 'IPCTNL_MSG_CT_NEW', creationAttributes(entry));
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #request(
    type: number,
    flags: number,
    family: number,
    subject: string,
    attributes: Parameters<typeof conntrackAttributes.write>[1],
  ): void {
    const sequence = this.#sequence++;
    request(this.#socket, message(type, flags, family, sequence, attributes), sequence, subject);
  }
}

function message(
  type: number,
  flags: number,
  family: number,
  sequence: number,
  attributes: Parameters<typeof conntrackAttributes.write>[1],
): Uint8Array {
  const writer = new ByteWriter();
  const start = beginMessage(writer, type, NLM_F_REQUEST | flags, sequence);
  writeNfgenmsg(writer, family);
  conntrackAttributes.write(writer, attributes);
  endMessage(writer, start);
  return writer.written;
}
