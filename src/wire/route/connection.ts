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
/** `rtm_flags`: return the matching route of the table, instead of the packet's way; with its table. */
const RTM_F_LOOKUP_TABLE = 0x1000;
const RTM_F_FIB_MATCH = 0x2000;

/**
 * Reads links, addresses, routes and rules of the network namespace in which it was opened, and writes rules. All
 * methods are synchronous; Busy (errors.ts): something changed during the reading, read again.
 */
export class RouteConnection extends NetlinkClient {
  constructor() {
    super('NETLINK_ROUTE');
  }

  links(): Link[] {
    return this.#dump('link', readLink);
  }

  addresses(): InterfaceAddress[] {
    return this.#dump('address', readAddress);
  }

  routes(): Route[] {
    return this.#dump('route', readRoute);
  }

  /** Policy-routing rules of both families, in the order in which the kernel asks them. */
  rules(): RoutingRule[] {
    return this.#dump('rule', readRule);
  }

  nexthops(): NexthopObject[] {
    return this.#dump('nexthop', readNexthop);
  }

  /**
   * The kernel's routing decision for a packet of this host, by rules and tables that need neither source nor mark;
   * nothing is sent. Null when it is unreachable.
   * - `way`: one nexthop, and as `source` the address that the kernel would use;
   * - `route`: the route that decided, as in a dump of its table.
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

  /** Adds a rule behind those of the same priority. Throws Rejected (EEXIST) when it exists. */
  addRule(rule: RoutingRule): void {
    this.#change('NEW', NLM_F_CREATE | NLM_F_EXCL, rule);
  }

  /** Throws Rejected (ENOENT) when there is no such rule. */
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
