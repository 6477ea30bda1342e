/** The `ip` commands for interfaces, addresses and routes of the cluster, one command a line. */
import type { IpAddress } from '../net/address.ts';
import { addressBits, FAMILIES } from '../net/family.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import { type Dual, NETWORK_BITS } from './address-plan.ts';
import type { Host } from './host.ts';

/** Kernel parameters of a forwarding host, as Kubernetes nodes have them. */
export const forwarderSettings = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  // A reply may arrive on another interface than the route to its source; the lab does not filter it.
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
} as const;

/** A cable: `eth0` of one host, and at the other a port with the first one's name. */
export function pairLine(host: Host, other: Host): string {
  return `link add eth0 netns ${host.namespace} type veth peer name ${host.name} netns ${other.namespace}`;
}

/** A switch that the host itself is connected to, with these addresses. */
export function bridgeLines(name: string, addresses: Dual<IpAddress>): readonly string[] {
  // Without snooping the bridge floods multicast, and so IPv6 neighbour discovery, from the first packet on.
  return [`link add ${name} type bridge mcast_snooping 0`, ...upLines(name, addresses, NETWORK_BITS)];
}

/** Connects a port to the switch. Hairpin mode lets a pod reach itself through its own service. */
export function portLines(port: string, bridge: string): readonly string[] {
  return [`link set ${port} up master ${bridge}`, `link set ${port} type bridge_slave hairpin on`];
}

/** `eth0` of a host that shares a network with its neighbours. */
export function eth0Lines(addresses: Dual<IpAddress>, gateway: Dual<IpAddress>): readonly string[] {
  return [...upLines('eth0', addresses, NETWORK_BITS), ...defaultRouteLines(gateway)];
}

/** `eth0` of a host that only knows its gateway and reaches even its neighbours through it. */
export function secludedEth0Lines(addresses: Dual<IpAddress>, gateway: Dual<IpAddress>): readonly string[] {
  return [
    ...upLines('eth0', addresses, addressBits),
    ...FAMILIES.map((family) => `route add ${gateway[family]} dev eth0`),
    ...defaultRouteLines(gateway),
  ];
}

export function routeLines(destination: Dual<Prefix>, via: Dual<IpAddress>): readonly string[] {
  return FAMILIES.map((family) => `route add ${formatPrefix(destination[family])} via ${via[family]}`);
}

/** Drops packets without another route, without an ICMP error. */
export const blackholeLines = ['route add blackhole 0.0.0.0/0', 'route add blackhole ::/0'] as const;

function defaultRouteLines(gateway: Dual<IpAddress>): readonly string[] {
  return FAMILIES.map((family) => `route add default via ${gateway[family]}`);
}

function upLines(name: string, addresses: Dual<IpAddress>, bits: Dual<number>): readonly string[] {
  return [
    `link set ${name} up`,
    `address add ${addresses.IPv4}/${bits.IPv4} dev ${name}`,
    `address add ${addresses.IPv6}/${bits.IPv6} dev ${name} nodad`,
  ];
}
