import type { Message } from '../messages.ts';
import { subscribe } from '../notifications.ts';
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

/** Tells of changes of links, addresses, routes, rules and nexthop objects, or only of these kinds, as `subscribe` does. */
export function watchRoutes(
  listen: (event: RouteEvent) => void,
  kinds: readonly RouteEventKind[] = Object.keys(routeGroups) as RouteEventKind[],
): () => void {
  const groups = kinds.flatMap((kind) => routeGroups[kind]);
  const tell = (message: Message) => {
    const kind = kindOf[message.type];
    if (kind !== undefined) listen(kind);
  };
  return subscribe({ protocol: 'NETLINK_ROUTE', groups }, tell, () => listen('overrun'));
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
