import { ByteWriter } from '../bytes.ts';
import { beginMessage, endMessage, type Message, NLM_F_DUMP, NLM_F_REQUEST } from '../messages.ts';
import { request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import { type InterfaceAddress, readAddress } from './address.ts';
import { type Link, readLink } from './link.ts';
import { RTM_GETADDR, RTM_GETLINK, RTM_GETROUTE } from './numbers.ts';
import { type Route, readRoute } from './route.ts';

/** Length of the longest family header; a dump of all needs nothing but zeros. */
const FAMILY_HEADER = { [RTM_GETLINK]: 16, [RTM_GETADDR]: 8, [RTM_GETROUTE]: 12 } as const;

/**
 * Reads links, addresses and routes of the network namespace in which it was opened. Every method is synchronous;
 * Busy (errors.ts) means that something changed while it was read: read again.
 */
export class RouteConnection {
  readonly #socket: NetlinkSocket;
  #sequence = 1;

  static open(): RouteConnection {
    return new RouteConnection(NetlinkSocket.open('NETLINK_ROUTE'));
  }

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** All interfaces, by index. */
  links(): Link[] {
    return this.#dump(RTM_GETLINK, 'RTM_GETLINK', readLink);
  }

  /** All addresses of both families. */
  addresses(): InterfaceAddress[] {
    return this.#dump(RTM_GETADDR, 'RTM_GETADDR', readAddress);
  }

  /** All routes of both families and all tables. */
  routes(): Route[] {
    return this.#dump(RTM_GETROUTE, 'RTM_GETROUTE', readRoute);
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #dump<T>(type: keyof typeof FAMILY_HEADER, subject: string, read: (message: Message) => T | null): T[] {
    const sequence = this.#sequence++;
    const writer = new ByteWriter();
    const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    writer.raw(new Uint8Array(FAMILY_HEADER[type]));
    endMessage(writer, start);
    const found: T[] = [];
    request(this.#socket, writer.written, sequence, subject, (message) => {
      const one = read(message);
      if (one !== null) found.push(one);
    });
    return found;
  }
}
