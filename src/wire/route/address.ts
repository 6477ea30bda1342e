/** Addresses of interfaces: include/uapi/linux/if_addr.h; numbers in host byte order, addresses in network order. */
import { familyOf, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { address, binary, nest, string, u32 } from '../attributes.ts';
import { host32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import { familyOfNumber } from '../family-number.ts';
import type { Message } from '../messages.ts';

/** `struct ifaddrmsg`: family, prefix length, flags (low 8 bits), scope, index (4 bytes). */
const IFADDRMSG = 8;

const addressAttributes = nest({
  address: [1, 'IFA_ADDRESS', address],
  local: [2, 'IFA_LOCAL', address],
  label: [3, 'IFA_LABEL', string],
  cacheInfo: [6, 'IFA_CACHEINFO', binary],
  flags: [8, 'IFA_FLAGS', u32],
});

/** `IFA_F_…`, by the names that ip(8) prints. */
const flagBits = {
  secondary: 0x01, // of IPv6: temporary
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
} as const;
export type AddressFlag = keyof typeof flagBits;

/** `enum rt_scope_t`: how far an address or a route is valid. */
const scopes = new Map([
  [0, 'global'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
  [255, 'nowhere'],
] as const);
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

export interface InterfaceAddress {
  readonly family: Family;
  /** The interface's own address, also when there is a peer. */
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The other end of a point-to-point link, or null. The prefix length then belongs to its network. */
  readonly peer: IpAddress | null;
  /** Hundredths of a second between boot and its creation; 0 when the kernel does not say. */
  readonly createdAt: number;
  readonly interfaceIndex: number;
  readonly scope: Scope;
  readonly flags: ReadonlySet<AddressFlag>;
}

/** Reads RTM_NEWADDR or RTM_DELADDR; null for a family other than IP. */
export function readAddress(message: Message): InterfaceAddress | null {
  const { bytes, start, end } = message;
  if (end - start < IFADDRMSG) throw malformed('RTM_NEWADDR without ifaddrmsg');
  const family = familyOfNumber(bytes[start] as number);
  if (family === null) return null;
  const found = addressAttributes.read(bytes, start + IFADDRMSG, end, 'RTM_NEWADDR');
  const own = found.local ?? found.address;
  if (own === undefined || familyOf(own) !== family) throw malformed(`RTM_NEWADDR without ${family} address`);
  const bits = found.flags ?? (bytes[start + 2] as number);
  const flags = (Object.keys(flagBits) as AddressFlag[]).filter((name) => (bits & flagBits[name]) !== 0);
  const scope = bytes[start + 3] as number;
  return {
    family,
    address: own,
    prefixLength: bytes[start + 1] as number,
    peer: found.address === undefined || found.address === own ? null : found.address,
    createdAt: creation(found.cacheInfo),
    interfaceIndex: host32(bytes, start + 4),
    scope: scopes.get(scope as 0) ?? scope,
    flags: new Set(flags),
  };
}

/** `struct ifa_cacheinfo`: preferred and valid lifetime, created, updated (4 bytes each). */
function creation(cacheInfo: Uint8Array | undefined): number {
  return cacheInfo === undefined || cacheInfo.length < 12 ? 0 : host32(cacheInfo, 8);
}
