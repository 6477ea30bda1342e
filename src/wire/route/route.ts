/** Routes: include/uapi/linux/rtnetlink.h; numbers in host byte order, addresses in network order. */
import { addressFromNumber, familyOf, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { addressBits } from '../../net/family.ts';
import type { Prefix } from '../../net/prefix.ts';
import { address, binary, nest, u32 } from '../attributes.ts';
import { host16, host32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { familyOfNumber } from '../family-number.ts';
import type { Message } from '../messages.ts';

/** `struct rtmsg`: family, dst_len, src_len, tos, table, protocol, scope, type, flags (4 bytes). */
const RTMSG = 12;
/** `struct rtnexthop`: length (2 bytes), flags, hops, interface index (4); attributes follow. */
const RTNEXTHOP = 8;

const routeAttributes = nest({
  destination: [1, 'RTA_DST', address],
  outInterface: [4, 'RTA_OIF', u32],
  gateway: [5, 'RTA_GATEWAY', address],
  priority: [6, 'RTA_PRIORITY', u32],
  source: [7, 'RTA_PREFSRC', address],
  multipath: [9, 'RTA_MULTIPATH', binary],
  table: [15, 'RTA_TABLE', u32],
  /** `struct rtvia`: family (2 bytes), address; a gateway of the other family. */
  via: [18, 'RTA_VIA', binary],
  nexthopId: [30, 'RTA_NH_ID', u32],
});

/** `rtm_type`, by the names that ip(8) prints. */
const types = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
];

export interface Nexthop {
  readonly interfaceIndex: number | null;
  readonly gateway: IpAddress | null;
}

export interface Route {
  readonly family: Family;
  /** `unicast`, `local`, `blackhole`, … or the number. */
  readonly type: string;
  /** Length 0 for the default route. */
  readonly destination: Prefix;
  /** Several for a multipath route, none for a blackhole. */
  readonly nexthops: readonly Nexthop[];
  /** The nexthop object, or null. With net.ipv4.nexthop_compat_mode 0, its route has no `nexthops`. */
  readonly nexthopId: number | null;
  /** The preferred source address, or null. */
  readonly source: IpAddress | null;
  /** 254 is `main`, 255 is `local`. */
  readonly table: number;
  /** The metric: the smallest is preferred. */
  readonly priority: number;
}

/** Reads RTM_NEWROUTE or RTM_DELROUTE; null for a family other than IP. */
export function readRoute(message: Message): Route | null {
  const { bytes, start, end } = message;
  if (end - start < RTMSG) throw malformed('RTM_NEWROUTE without rtmsg');
  const family = familyOfNumber(bytes[start] as number);
  if (family === null) return null;
  const found = routeAttributes.read(bytes, start + RTMSG, end, 'RTM_NEWROUTE');
  const destination = found.destination ?? addressFromNumber(family, 0n);
  const length = bytes[start + 1] as number;
  if (familyOf(destination) !== family || length > addressBits[family]) {
    throw malformed('RTM_NEWROUTE: RTA_DST is not of its family');
  }
  const type = bytes[start + 7] as number;
  return {
    family,
    type: types[type] ?? String(type),
    destination: { family, address: destination, length },
    nexthops: found.multipath === undefined ? nexthopOf(found) : nexthopsOf(found.multipath),
    nexthopId: found.nexthopId ?? null,
    source: found.source ?? null,
    table: found.table ?? (bytes[start + 4] as number),
    priority: found.priority ?? 0,
  };
}

interface NexthopAttributes {
  readonly outInterface?: number;
  readonly gateway?: IpAddress;
  readonly via?: Uint8Array;
}

function nexthopOf(found: NexthopAttributes): Nexthop[] {
  const gateway = found.gateway ?? viaOf(found.via);
  if (found.outInterface === undefined && gateway === null) return [];
  return [{ interfaceIndex: found.outInterface ?? null, gateway }];
}

function nexthopsOf(bytes: Uint8Array): Nexthop[] {
  const nexthops: Nexthop[] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    const length = left < RTNEXTHOP ? 0 : host16(bytes, at);
    if (length < RTNEXTHOP || length > left)
      throw malformed(`RTA_MULTIPATH: nexthop of ${length} bytes in ${left}`);
    const found = routeAttributes.read(bytes, at + RTNEXTHOP, at + length, 'RTA_MULTIPATH');
    nexthops.push({ interfaceIndex: host32(bytes, at + 4), gateway: found.gateway ?? viaOf(found.via) });
    at += (length + 3) & ~3;
  }
  return nexthops;
}

function viaOf(via: Uint8Array | undefined): IpAddress | null {
  return via === undefined ? null : address.read(via, 2, via.length, 'RTA_VIA');
}
