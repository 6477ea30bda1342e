/** The interfaces and addresses by which this host reaches the Internet. */
import { addressFromNumber, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { prefixContains } from '../../net/prefix.ts';
import type { InterfaceAddress } from './address.ts';
import type { RouteConnection } from './connection.ts';
import type { Link } from './link.ts';
import type { Nexthop, Route } from './route.ts';

/** The way to the Internet by one family's routes. */
export interface WayOut {
  /** Interface indexes; several for a multipath route, none without a default route. */
  readonly interfaces: ReadonlySet<number>;
  readonly gateways: readonly IpAddress[];
  /** Source addresses named by the routes, or by the rules that lead to them. */
  readonly sources: ReadonlySet<IpAddress>;
  /** The address that the kernel chooses when none is named; null when it was not asked. */
  readonly kernelSource: IpAddress | null;
}

export type RouteReader = Pick<RouteConnection, 'lookUp' | 'nexthops' | 'routes' | 'rules'>;

/** Interfaces without a way to the Internet, unless a default route uses them (docs/spec/pod-nat.md). */
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

/** The interface kind can lead to the Internet: no loopback, bridge, dummy or tunnel. */
export function isOuterKind({ loopback, kind }: Pick<Link, 'loopback' | 'kind'>): boolean {
  return !loopback && !INNER_KINDS.has(kind ?? '');
}

/**
 * Destinations that the kernel is asked for: spread over the unicast space, in both halves, so that neither a route to
 * one network nor a default route in two halves misleads. A lookup sends no packet.
 */
const ASKED_FOR = {
  IPv4: [9, 41, 77, 101, 131, 163, 185, 217].map((first) =>
    addressFromNumber('IPv4', (BigInt(first) << 24n) | 0x714d11n),
  ),
  IPv6: [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00, 0x3001].map((first) =>
    addressFromNumber('IPv6', (BigInt(first) << 112n) | (0x4714n << 96n) | 0x11n),
  ),
} as const satisfies Record<Family, readonly IpAddress[]>;

/** Routes with at most this prefix length lead to the Internet: 0.0.0.0/1, 2000::/3. */
const WIDEST = 8;

const RT_TABLE_LOCAL = 255;

/** Throws Busy when something changed during the reading. */
export function wayOut(family: Family, reader: RouteReader, routes: readonly Route[]): WayOut {
  return lookedUp(family, reader, routes) ?? namedByRules(family, reader, routes) ?? NO_WAY;
}

export function waysOut(reader: RouteReader): Readonly<Record<Family, WayOut>> {
  const routes = reader.routes();
  return { IPv4: wayOut('IPv4', reader, routes), IPv6: wayOut('IPv6', reader, routes) };
}

/** The gateway is in the address's network, or is the other end of its link. */
export function isBesideGateway({ gateways }: WayOut, own: InterfaceAddress): boolean {
  const network = { family: own.family, address: own.peer ?? own.address, length: own.prefixLength };
  return gateways.some((gateway) => prefixContains(network, gateway));
}

const NO_WAY: WayOut = { interfaces: new Set(), gateways: [], sources: new Set(), kernelSource: null };

/** The kernel's answer: the way to most of the Internet, or null. */
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

/** Another way of the same route: the kernel chooses by packet, or by which router answers. */
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
 * The default route of the first table that a rule leads to, when the host's own packets have none: rules by source,
 * mark or interface. A single source address is the address to use.
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

/** The route's ways, or those of its nexthop object. */
function nexthopsOf({ nexthops, nexthopId }: Route, reader: RouteReader): readonly Nexthop[] {
  if (nexthops.length > 0 || nexthopId === null) return nexthops;
  const objects = new Map(reader.nexthops().map((object) => [object.id, object]));
  const named = objects.get(nexthopId);
  if (named === undefined) return [];
  return named.members.length === 0 ? [named] : named.members.flatMap((id) => objects.get(id) ?? []);
}
