/** By which interfaces, and with which address, this host reaches the rest of the world. */
import { addressFromNumber, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { prefixContains } from '../../net/prefix.ts';
import type { InterfaceAddress } from './address.ts';
import type { RouteConnection } from './connection.ts';
import type { Link } from './link.ts';
import type { Nexthop, Route } from './route.ts';

/** The way to the world by the routes of one family. */
export interface WayOut {
  /** Indexes of the interfaces by which it leads; several with a multipath route, none without a default route. */
  readonly interfaces: ReadonlySet<number>;
  readonly gateways: readonly IpAddress[];
  /** Addresses that the routes, or the rules that lead to them, name as the source. */
  readonly sources: ReadonlySet<IpAddress>;
  /** The address that the kernel takes where nothing names one; null where it was not asked. */
  readonly kernelSource: IpAddress | null;
}

/** What of rtnetlink is asked. */
export type RouteReader = Pick<RouteConnection, 'lookUp' | 'nexthops' | 'routes' | 'rules'>;

/**
 * Kinds of interfaces that lead to pods, to other nodes' pods, or nowhere, unless a default route leaves by them.
 * docs/spec/pod-nat.md, "Public address detection".
 */
const INNER_KINDS: ReadonlySet<string> = new Set([
  'bareudp',
  'bridge',
  'dummy',
  'erspan',
  'geneve',
  'gre',
  'gretap',
  'ip6erspan',
  'ip6gre',
  'ip6gretap',
  'ip6tnl',
  'ipip',
  'ipvlan',
  'sit',
  'tun',
  'vti',
  'vti6',
  'vxlan',
  'wireguard',
  'xfrm',
]);

/** May lead to the world by what it is: no loopback, bridge, dummy or tunnel. */
export function isOuterKind({ loopback, kind }: Pick<Link, 'loopback' | 'kind'>): boolean {
  return !loopback && !INNER_KINDS.has(kind ?? '');
}

/**
 * Where the kernel is asked for the way to: spread over all of the unicast space, in both halves, so that neither a
 * route to one network nor a default route in two halves misleads. A lookup sends no packet.
 */
const ASKED_FOR = {
  IPv4: [9, 41, 77, 101, 131, 163, 185, 217].map((first) =>
    addressFromNumber('IPv4', (BigInt(first) << 24n) | 0x714d11n),
  ),
  IPv6: [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00, 0x3001].map((first) =>
    addressFromNumber('IPv6', (BigInt(first) << 112n) | (0x4714n << 96n) | 0x11n),
  ),
} as const satisfies Record<Family, readonly IpAddress[]>;

/** A route to no more than this many bits counts as one to the world: 0.0.0.0/1, 2000::/3. */
const WIDEST = 8;

const RT_TABLE_LOCAL = 255;

/** The way out of one family. Throws Busy when something changed while it was read. */
export function wayOut(family: Family, reader: RouteReader, routes: readonly Route[]): WayOut {
  return lookedUp(family, reader, routes) ?? namedByRules(family, reader, routes) ?? NO_WAY;
}

/** The way out of each family. */
export function waysOut(reader: RouteReader): Readonly<Record<Family, WayOut>> {
  const routes = reader.routes();
  return { IPv4: wayOut('IPv4', reader, routes), IPv6: wayOut('IPv6', reader, routes) };
}

/** The network that the address stands in, or the other end of its link, has the gateway of the way out. */
export function isBesideGateway({ gateways }: WayOut, own: InterfaceAddress): boolean {
  const network = { family: own.family, address: own.peer ?? own.address, length: own.prefixLength };
  return gateways.some((gateway) => prefixContains(network, gateway));
}

const NO_WAY: WayOut = { interfaces: new Set(), gateways: [], sources: new Set(), kernelSource: null };

/** What the kernel answers: the way that most of the world is reached by. Null where it knows none. */
function lookedUp(family: Family, reader: RouteReader, routes: readonly Route[]): WayOut | null {
  const votes = new Map<string, { asked: IpAddress; count: number; decided: Route[] }>();
  for (const asked of ASKED_FOR[family]) {
    const route = reader.lookUp(asked, 'route');
    if (route === null || route.destination.length > WIDEST) continue;
    const decided = [route, ...routes.filter((other) => isEqualTo(other, route))];
    const key = [...interfacesOf(decided, reader)].sort().join();
    const vote = votes.get(key);
    if (vote === undefined) votes.set(key, { asked, count: 1, decided });
    else {
      vote.count++;
      vote.decided.push(...decided);
    }
  }
  const [best] = [...votes.values()].sort((a, b) => b.count - a.count);
  if (best === undefined) return null;
  return wayOf(best.decided, [], reader, reader.lookUp(best.asked, 'way')?.source ?? null);
}

/** Another way of the same route: the kernel chooses among them by the packet, or by which router answers. */
function isEqualTo(other: Route, { family, table, destination, priority }: Route): boolean {
  return (
    other.family === family &&
    other.table === table &&
    other.priority === priority &&
    other.type === 'unicast' &&
    other.destination.length === destination.length &&
    other.destination.address === destination.address
  );
}

/**
 * The default route of the first table that a rule leads to, where what the host sends by itself has none: rules that
 * ask for a source, a mark or an interface. A source that is one address is the address to take.
 */
function namedByRules(family: Family, reader: RouteReader, routes: readonly Route[]): WayOut | null {
  for (const rule of reader.rules()) {
    if (rule.family !== family || rule.table === null || rule.table === RT_TABLE_LOCAL) continue;
    const wide = routes.filter(
      (route) =>
        route.family === family &&
        route.table === rule.table &&
        route.type === 'unicast' &&
        route.destination.length <= WIDEST &&
        route.destination.length > (rule.suppressPrefixLength ?? -1),
    );
    const best = Math.min(...wide.map(({ priority }) => priority));
    const decided = wide.filter(({ priority }) => priority === best);
    if (decided.length === 0) continue;
    const { address, length } = rule.source;
    const isOne = length === (family === 'IPv4' ? 32 : 128);
    return wayOf(decided, isOne ? [address] : [], reader, null);
  }
  return null;
}

function wayOf(
  decided: readonly Route[],
  sources: readonly IpAddress[],
  reader: RouteReader,
  kernelSource: IpAddress | null,
): WayOut {
  const nexthops = decided.flatMap((route) => nexthopsOf(route, reader));
  return {
    interfaces: interfacesOf(decided, reader),
    gateways: nexthops.flatMap(({ gateway }) => (gateway === null ? [] : [gateway])),
    sources: new Set([...sources, ...decided.flatMap(({ source }) => (source === null ? [] : [source]))]),
    kernelSource,
  };
}

function interfacesOf(decided: readonly Route[], reader: RouteReader): ReadonlySet<number> {
  const nexthops = decided.flatMap((route) => nexthopsOf(route, reader));
  return new Set(nexthops.flatMap(({ interfaceIndex }) => (interfaceIndex === null ? [] : [interfaceIndex])));
}

/** The ways of a route, those of its nexthop object where the route itself does not say them. */
function nexthopsOf({ nexthops, nexthopId }: Route, reader: RouteReader): readonly Nexthop[] {
  if (nexthops.length > 0 || nexthopId === null) return nexthops;
  const objects = new Map(reader.nexthops().map((object) => [object.id, object]));
  const named = objects.get(nexthopId);
  if (named === undefined) return [];
  return named.members.length === 0 ? [named] : named.members.flatMap((id) => objects.get(id) ?? []);
}
