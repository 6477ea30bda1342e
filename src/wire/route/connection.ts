import { addressBytes, familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits } from '../../net/family.ts';
import { binary, writeAttribute } from '../attributes.ts';
import { ByteWriter, putHost32 } from '../bytes.ts';
import { Denied, Rejected, Unsupported } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import {
  beginMessage,
  endMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../messages.ts';
import { request } from '../request.ts';
import { NetlinkSocket } from '../socket.ts';
import { type InterfaceAddress, readAddress } from './address.ts';
import { type Link, readLink } from './link.ts';
import { type NexthopObject, readNexthop } from './nexthop.ts';
import {
  RTM_DELRULE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEXTHOP,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWRULE,
} from './numbers.ts';
import { type Route, readRoute } from './route.ts';
import { FIB_RULE_HDR, type RoutingRule, readRule, writeRule } from './rule.ts';

/** Length of the longest family header; a dump of all needs nothing but zeros. */
const FAMILY_HEADER = {
  [RTM_GETLINK]: 16,
  [RTM_GETADDR]: 8,
  [RTM_GETROUTE]: 12,
  [RTM_GETRULE]: FIB_RULE_HDR,
  [RTM_GETNEXTHOP]: 8,
} as const;

const RTA_DST = 1;
/** `rtm_flags`: the route of the table that was found, instead of the way that a packet takes; with its table. */
const RTM_F_LOOKUP_TABLE = 0x1000;
const RTM_F_FIB_MATCH = 0x2000;

/**
 * Reads links, addresses, routes and rules of the network namespace in which it was opened, and writes rules. Every
 * method is synchronous; Busy (errors.ts) means that something changed while it was read: read again.
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

  /** All rules of policy routing of both families, in the order in which the kernel asks them. */
  rules(): RoutingRule[] {
    return this.#dump(RTM_GETRULE, 'RTM_GETRULE', readRule);
  }

  /** All nexthop objects. */
  nexthops(): NexthopObject[] {
    return this.#dump(RTM_GETNEXTHOP, 'RTM_GETNEXTHOP', readNexthop);
  }

  /**
   * What the kernel would do with a packet of this host to the address, by all rules and tables that ask neither for a
   * source nor for a mark; nothing is sent. Null where it would not send it.
   *
   * - `way`: one nexthop, and as `source` the address that the kernel would take;
   * - `route`: the route that decided, as a dump of its table has it.
   */
  lookUp(destination: IpAddress, what: 'way' | 'route'): Route | null {
    const sequence = this.#sequence++;
    const writer = new ByteWriter();
    const start = beginMessage(writer, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence);
    const family = familyOf(destination);
    const header = new Uint8Array(FAMILY_HEADER[RTM_GETROUTE]);
    header[0] = familyNumber[family];
    header[1] = addressBits[family];
    putHost32(header, 8, RTM_F_LOOKUP_TABLE | (what === 'route' ? RTM_F_FIB_MATCH : 0));
    writer.raw(header);
    writeAttribute(writer, RTA_DST, binary, addressBytes(destination));
    endMessage(writer, start);
    let found: Route | null = null;
    try {
      request(this.#socket, writer.written, sequence, 'RTM_GETROUTE', (message) => {
        found = readRoute(message);
      });
    } catch (error) {
      if (error instanceof Rejected || error instanceof Denied || error instanceof Unsupported) return null;
      throw error;
    }
    return found;
  }

  /** Adds a rule behind those of the same priority. Throws Rejected (EEXIST) where it is there already. */
  addRule(rule: RoutingRule): void {
    this.#change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, 'RTM_NEWRULE', rule);
  }

  /** Takes a rule away. Throws Rejected (ENOENT) where there is none such. */
  deleteRule(rule: RoutingRule): void {
    this.#change(RTM_DELRULE, 0, 'RTM_DELRULE', rule);
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #change(type: number, flags: number, subject: string, rule: RoutingRule): void {
    const sequence = this.#sequence++;
    const writer = new ByteWriter();
    const start = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    writeRule(writer, rule);
    endMessage(writer, start);
    request(this.#socket, writer.written, sequence, subject);
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
