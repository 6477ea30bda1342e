import { formatEndpoint, type IpAddress, parseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Port, parsePort } from '../net/port.ts';
import { type Protocol, parseProtocol } from '../net/protocol.ts';
import { type AddressRange, formatRange } from '../net/ranges.ts';
import type { Endpoint, Tuple } from './entry.ts';

export function egressSourceKey(family: Family, range: AddressRange): string {
  return `egress ${formatRange(family, range)}`;
}

export function isEgressSourceKey(key: string): boolean {
  return key.startsWith('egress ');
}

/** `address:port/PROTOCOL`, IPv6 in brackets: the key of frontends and bindings. */
export function tupleKey(tuple: Tuple): string {
  return spanKey(tuple, 1);
}

/** `address:first-last/PROTOCOL`; for a single port `address:port/PROTOCOL`. */
export function spanKey(tuple: Tuple, portCount: number): string {
  return [formatPorts(tuple, portCount), tuple.protocol].join('/');
}

export function podSourcePortKey(tuple: Tuple, portCount: number): string {
  return ['from', spanKey(tuple, portCount)].join(' ');
}

/** `address:port`, or `address:first-last`. */
export function formatPorts({ address, port }: Endpoint, portCount: number): string {
  const first = formatEndpoint(address, port);
  return portCount === 1 ? first : `${first}-${port + portCount - 1}`;
}

/** `portCount` ports of an address; the first is that of the tuple. */
export interface DialledPorts {
  readonly tuple: Tuple;
  readonly portCount: number;
}

/** The ports that a key of a frontend or binding names; null for keys of other entries. */
export function parsePortsKey(key: string): DialledPorts | null {
  const parts = /^(?:\[(.+)\]|([^[\]]+)):(\d+)(?:-(\d+))?\/([A-Z]+)$/.exec(key);
  if (parts === null) return null;
  const address = parseAddress(parts[1] ?? parts[2] ?? '');
  const port = parsePort(Number(parts[3]));
  const protocol = parseProtocol(parts[5] ?? '');
  if (address === null || port === null || protocol === null) return null;
  return { tuple: { address, protocol, port }, portCount: Number(parts[4] ?? port) - port + 1 };
}

export function podSourceKey(address: IpAddress, protocol: Protocol): string {
  return ['from ', address, '/', protocol].join('');
}

export function clusterAddressKey(address: IpAddress): string {
  return ['cluster-ip', address].join(' ');
}

export function healthCheckKey(family: Family, port: Port): string {
  return `health-check ${family} ${port}`;
}

export function sourcePortsKey(family: Family): string {
  return `source-ports ${family}`;
}

export function isScopeKey(key: string): boolean {
  return key.startsWith('scope ');
}

export function scopeKey(family: Family): string {
  return `scope ${family}`;
}
