import type { Message } from '../messages.ts';
import { subscribe } from '../notifications.ts';
import { type RouteEventKind, routeObjects } from './numbers.ts';

/** `overrun`: anything may have changed. Listeners read details through RouteConnection. */
export type RouteEvent = RouteEventKind | 'overrun';

const KINDS = Object.keys(routeObjects) as RouteEventKind[];

/** Calls back for changes of routing objects, all or only these kinds; see `subscribe`. */
export function watchRoutes(
  listen: (event: RouteEvent) => void,
  kinds: readonly RouteEventKind[] = KINDS,
): () => void {
  const groups = kinds.flatMap((kind) => routeObjects[kind].groups);
  const tell = ({ type }: Message) => {
    const kind = KINDS.find(
      (each) => type === routeObjects[each].first || type === routeObjects[each].first + 1,
    );
    if (kind !== undefined) listen(kind);
  };
  return subscribe({ protocol: 'NETLINK_ROUTE', groups }, tell, () => listen('overrun'));
}
