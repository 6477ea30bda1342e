import type { Message } from '../messages.ts';
import { deliver } from '../notifications.ts';
import { NetlinkSocket } from '../socket.ts';
import {
  type RouteEventKind,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  routeGroups,
} from './numbers.ts';

/** What changed; `overrun`: anything may have. The listener reads what it needs through RouteConnection. */
export type RouteEvent = RouteEventKind | 'overrun';

/** A subscription to changes of links, addresses, routes, rules and nexthop objects; `close` ends it at once. It keeps the process alive. */
export class RouteMonitor {
  readonly #socket: NetlinkSocket;

  /** Calls `listen` from the event loop. Without `kinds` for all. */
  static open(listen: (event: RouteEvent) => void, kinds?: readonly RouteEventKind[]): RouteMonitor {
    const socket = NetlinkSocket.open('NETLINK_ROUTE');
    try {
      for (const kind of kinds ?? (Object.keys(routeGroups) as RouteEventKind[])) {
        for (const group of routeGroups[kind]) socket.join(group);
      }
      const tell = (message: Message) => {
        const kind = kindOf[message.type];
        if (kind !== undefined) listen(kind);
      };
      deliver(socket, tell, () => listen('overrun'));
      return new RouteMonitor(socket);
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

const kindOf: Readonly<Record<number, RouteEventKind>> = {
  [RTM_NEWLINK]: 'link',
  [RTM_DELLINK]: 'link',
  [RTM_NEWADDR]: 'address',
  [RTM_DELADDR]: 'address',
  [RTM_NEWROUTE]: 'route',
  [RTM_DELROUTE]: 'route',
  [RTM_NEWRULE]: 'rule',
  [RTM_DELRULE]: 'rule',
  [RTM_NEWNEXTHOP]: 'nexthop',
  [RTM_DELNEXTHOP]: 'nexthop',
};
