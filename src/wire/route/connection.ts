import { familyOf, type IpAddress } from '../../net/address.ts';
import { addressBits } from '../../net/family.ts';
import { address, writeAttribute } from '../attributes.ts';
import { type ByteWriter, putHost32 } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Denied, Rejected, Unsupported } from '../errors.ts';
import { familyNumber } from '../family-number.ts';
import { type Message, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../messages.ts';
import { type InterfaceAddress, readAddress } from './address.ts';
import { type Link, readLink } from './link.ts';
import { type NexthopObject, readNexthop } from './nexthop.ts';
import { type RouteEventKind, routeObjects } from './numbers.ts';
import { type Route, readRoute } from './route.ts';
import { type RoutingRule, readRule, writeRule } from './rule.ts';

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
    return this.#dump('link', readLink);
  }

  /** All addresses of both families. */
  addresses(): InterfaceAddress[] {
    return this.#dump('address', readAddress);
  }

  /** All routes of both families and all tables. */
  routes(): Route[] {
    return this.#dump('route', readRoute);
  }

  /** All rules of policy routing of both families, in the order in which the kernel asks them. */
  rules(): RoutingRule[] {
    return this.#dump('rule', readRule);
  }

  /** All nexthop objects. */
  nexthops(): NexthopObject[] {
    return this.#dump('nexthop', readNexthop);
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
    const write = (writer: ByteWriter) => {
      const start = writer.length;
      writer.raw(new Uint8Array(routeObjects.route.header));
      writer.bytes[start] = familyNumber[family];
      writer.bytes[start + 1] = addressBits[family];
      putHost32(writer.bytes, start + 8, RTM_F_LOOKUP_TABLE | (what === 'route' ? RTM_F_FIB_MATCH : 0));
      writeAttribute(writer, RTA_DST, address, destination);
    };
    try {
      return this.collect(asked('GET', 'route', NLM_F_ACK, write), readRoute).at(-1) ?? null;
    } catch (error) {
      if (error instanceof Rejected || error instanceof Denied || error instanceof Unsupported) return null;
      throw error;
    }
  }

  /** Adds a rule behind those of the same priority. Throws Rejected (EEXIST) where it is there already. */
  addRule(rule: RoutingRule): void {
    this.#change('NEW', NLM_F_CREATE | NLM_F_EXCL, rule);
  }

  /** Takes a rule away. Throws Rejected (ENOENT) where there is none such. */
  deleteRule(rule: RoutingRule): void {
    this.#change('DEL', 0, rule);
  }

  #change(verb: 'NEW' | 'DEL', flags: number, rule: RoutingRule): void {
    this.request(asked(verb, 'rule', NLM_F_ACK | flags, (writer) => writeRule(writer, rule)));
  }

  #dump<T>(kind: RouteEventKind, read: (message: Message) => T | null): T[] {
    const header = new Uint8Array(routeObjects[kind].header);
    return this.collect(
      asked('GET', kind, NLM_F_DUMP, (writer) => writer.raw(header)),
      read,
    );
  }
}

function asked(
  verb: 'NEW' | 'DEL' | 'GET',
  kind: RouteEventKind,
  flags: number,
  write: Asked['write'],
): Asked {
  const { first, name } = routeObjects[kind];
  return { type: first + ['NEW', 'DEL', 'GET'].indexOf(verb), flags, subject: `RTM_${verb}${name}`, write };
}
