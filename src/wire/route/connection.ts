import type { IpAddress } from '../../net/address.ts';
import type { ByteWriter } from '../bytes.ts';
import { type Asked, NetlinkClient } from '../client.ts';
import { Denied, Rejected, Unsupported } from '../errors.ts';
import { type Message, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../messages.ts';
import { type InterfaceAddress, readAddress } from './address.ts';
import { type Link, readLink } from './link.ts';
import { type NexthopObject, readNexthop } from './nexthop.ts';
import { type RouteEventKind, routeObjects } from './numbers.ts';
import { type Route, readRoute } from './route.ts';
import { type RouteQuestion, writeRouteQuestion } from './route-question.ts';
import { type FoundRule, type RoutingRule, readRule, writeRule } from './rule.ts';

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
  rules(): FoundRule[] {
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
    const found = this.decide({ destination, isForRoute: what === 'route' });
    return typeof found === 'string' ? null : found;
  }

  /**
   * The kernel's decision for one packet, with all rules of policy routing; nothing is sent. The name of an error is its
   * answer for a packet that goes nowhere: `ENETUNREACH`, `EXDEV` (rp_filter), `EINVAL` (not a source, or blackhole), `EACCES`.
   */
  decide(question: RouteQuestion): Route | string {
    try {
      const write = (writer: ByteWriter) => writeRouteQuestion(writer, question);
      const [found] = this.collect(asked('GET', 'route', NLM_F_ACK, write), readRoute);
      return found ?? 'ENETUNREACH';
    } catch (error) {
      if (error instanceof Rejected || error instanceof Denied || error instanceof Unsupported)
        return error.errno;
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
