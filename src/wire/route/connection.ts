import { addressBytes, familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits } from '../../net/family.ts';
import { binary, writeAttribute } from '../attributes.ts';
import { type ByteWriter, putHost32 } from '../bytes.ts';
import { NetlinkClient } from '../client.ts';
import { Denied, Rejected, Unsupported } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import { type Message, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../messages.ts';
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
export class RouteConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_ROUTE');
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
    const family = familyOf(destination);
    const header = new Uint8Array(FAMILY_HEADER[RTM_GETROUTE]);
    header[0] = familyNumber[family];
    header[1] = addressBits[family];
    putHost32(header, 8, RTM_F_LOOKUP_TABLE | (what === 'route' ? RTM_F_FIB_MATCH : 0));
    const write = (writer: ByteWriter) => {
      writer.raw(header);
      writeAttribute(writer, RTA_DST, binary, addressBytes(destination));
    };
    try {
      const asked = { type: RTM_GETROUTE, flags: NLM_F_ACK, subject: 'RTM_GETROUTE', write };
      return this.collect(asked, readRoute).at(-1) ?? null;
    } catch (error) {
      if (error instanceof Rejected || error instanceof Denied || error instanceof Unsupported) return null;
      throw error;
    }
  }

  /** Adds a rule behind those of the same priority. Throws Rejected (EEXIST) where it is there already. */
  addRule(rule: RoutingRule): void {
    this.#change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, 'RTM_NEWRULE', rule);
  }

  /** Takes a rule away. Throws Rejected (ENOENT) where there is none such. */
  deleteRule(rule: RoutingRule): void {
    this.#change(RTM_DELRULE, 0, 'RTM_DELRULE', rule);
  }

  #change(type: number, flags: number, subject: string, rule: RoutingRule): void {
    const write = (writer: ByteWriter) => writeRule(writer, rule);
    this.request({ type, flags: NLM_F_ACK | flags, subject, write });
  }

  #dump<T>(type: keyof typeof FAMILY_HEADER, subject: string, read: (message: Message) => T | null): T[] {
    const write = (writer: ByteWriter) => writer.raw(new Uint8Array(FAMILY_HEADER[type]));
    return this.collect({ type, flags: NLM_F_DUMP, subject, write }, read);
  }
}
