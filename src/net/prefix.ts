import {
  addressFromNumber,
  addressNumber,
  familyOf,
  type IpAddress,
  parseIpv4,
  parseIpv6,
  unmapped,
} from './address.ts';
import { addressBits, type Family } from './family.ts';
import { type AddressRange, type AddressSet, unionOf } from './ranges.ts';

/** A CIDR prefix: the network address (host bits clear) and its length in bits. */
export interface Prefix {
  readonly family: Family;
  readonly address: IpAddress;
  readonly length: number;
}

/** Why `parsePrefix` refuses a text. */
export type PrefixError = 'syntax' | 'host-bits';

/**
 * Reads `address/length` with addresses as in `parseAddress`. An IPv4-mapped prefix (`::ffff:192.0.2.0/120`) of 96 bits
 * or more becomes IPv4. The error is `host-bits` for set host bits (`10.0.0.1/8`), otherwise `syntax`, also for an
 * address without length.
 */
export function parsePrefix(text: string): Prefix | PrefixError {
  const parsed = splitPrefix(text);
  if (parsed === null) return 'syntax';
  const prefix = maskedPrefix(parsed.address, parsed.length);
  return prefix.address === parsed.address ? prefix : 'host-bits';
}

/** Reads `address/length` and clears the host bits; null if it is not a prefix. */
export function parseLoosePrefix(text: string): Prefix | null {
  const parsed = splitPrefix(text);
  return parsed === null ? null : maskedPrefix(parsed.address, parsed.length);
}

/** For constants of the program. Throws TypeError for a text that `parsePrefix` refuses. */
export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (typeof prefix === 'string') throw new TypeError(`${text}: ${prefix}`);
  return prefix;
}

/** The prefix of this length that contains the address. */
export function maskedPrefix(address: IpAddress, length: number): Prefix {
  const family = familyOf(address);
  const hostBits = BigInt(addressBits[family] - length);
  return {
    family,
    address: addressFromNumber(family, (addressNumber(address) >> hostBits) << hostBits),
    length,
  };
}

/** The prefix /32 or /128. */
export function hostPrefix(address: IpAddress): Prefix {
  const family = familyOf(address);
  return { family, address, length: addressBits[family] };
}

/** Cached, since prefixes are immutable: with a thousand pools, this would dominate the cost of a change. */
const ranges = new WeakMap<Prefix, AddressRange>();

export function prefixRange(prefix: Prefix): AddressRange {
  const known = ranges.get(prefix);
  if (known !== undefined) return known;
  const first = addressNumber(prefix.address);
  const range = { first, last: first + (1n << BigInt(addressBits[prefix.family] - prefix.length)) - 1n };
  ranges.set(prefix, range);
  return range;
}

/** The union of the family's prefixes; others are ignored. */
export function prefixSet(family: Family, prefixes: Iterable<Prefix>): AddressSet {
  const ranges: AddressRange[] = [];
  for (const prefix of prefixes) if (prefix.family === family) ranges.push(prefixRange(prefix));
  return unionOf(family, ranges);
}

/** False for an address of the other family. */
export function prefixContains(prefix: Prefix, address: IpAddress): boolean {
  if (familyOf(address) !== prefix.family) return false;
  const shift = BigInt(addressBits[prefix.family] - prefix.length);
  return addressNumber(address) >> shift === addressNumber(prefix.address) >> shift;
}

export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** Length of ::ffff:0:0/96, the network of IPv4-mapped addresses. */
const MAPPED_LENGTH = 96;

function splitPrefix(text: string): { address: IpAddress; length: number } | null {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return null;
  const written = text.slice(0, slash);
  const address = written.includes(':') ? parseIpv6(written) : parseIpv4(written);
  const digits = text.slice(slash + 1);
  if (address === null || !/^0*[0-9]{1,3}$/.test(digits)) return null;
  const length = Number(digits);
  if (length > addressBits[familyOf(address)]) return null;
  const plain = unmapped(address);
  if (plain === address || length < MAPPED_LENGTH) return { address, length };
  return { address: plain, length: length - MAPPED_LENGTH };
}
