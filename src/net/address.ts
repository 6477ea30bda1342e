import type { Family } from './family.ts';

declare const brand: unique symbol;

/** An IPv4 address in dotted decimal, without leading zeros. Made only by the parsers of this file. */
export type Ipv4 = string & { readonly [brand]: 'IPv4' };
/** An IPv6 address in the canonical form of RFC 5952. Made only by the parsers of this file. */
export type Ipv6 = string & { readonly [brand]: 'IPv6' };
/** An address of either family in canonical form, so that `===` compares addresses. */
export type IpAddress = Ipv4 | Ipv6;

export function familyOf(address: IpAddress): Family {
  return isIpv6(address) ? 'IPv6' : 'IPv4';
}

export function isIpv6(address: IpAddress): address is Ipv6 {
  return address.includes(':');
}

/**
 * Reads an address as Kubernetes does (`ParseIPSloppy` of its netutils): numbers are decimal even with leading zeros,
 * and an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) becomes IPv4. All IPv6 forms of RFC 4291 section 2.2 are
 * accepted, without zone. Null for anything else.
 */
export function parseAddress(text: string): IpAddress | null {
  if (!text.includes(':')) return parseIpv4(text);
  const address = parseIpv6(text);
  return address === null ? null : unmapped(address);
}

/** The IPv4 address of an IPv4-mapped IPv6 address; any other address unchanged. */
export function unmapped(address: IpAddress): IpAddress {
  return address.startsWith(MAPPED) && address.includes('.')
    ? (address.slice(MAPPED.length) as Ipv4)
    : address;
}

/** Prefix of IPv4-mapped addresses in canonical form; dotted decimals follow. */
const MAPPED = '::ffff:';

/** Reads a dotted decimal IPv4 address, with or without leading zeros; null for anything else. */
export function parseIpv4(text: string): Ipv4 | null {
  const bytes = ipv4Bytes(text);
  return bytes === null ? null : (addressFromBytes(bytes) as Ipv4);
}

/** Returns the form of RFC 5952; null for anything else. IPv4-mapped addresses stay IPv6, unlike in `parseAddress`. */
export function parseIpv6(text: string): Ipv6 | null {
  const bytes = ipv6Bytes(text);
  return bytes === null ? null : formatIpv6(bytes);
}

/** 4 or 16 bytes in network byte order. */
export function addressBytes(address: IpAddress): Uint8Array {
  const bytes = isIpv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
  if (bytes === null) throw new TypeError(`not a canonical address: ${address}`);
  return bytes;
}

/** Stores the 4 or 16 bytes of an address in network byte order. */
export function putAddress(bytes: Uint8Array, at: number, address: IpAddress): void {
  if (isIpv6(address)) {
    bytes.set(addressBytes(address), at);
    return;
  }
  const number = dottedNumber(address);
  bytes[at] = number >>> 24;
  bytes[at + 1] = number >>> 16;
  bytes[at + 2] = number >>> 8;
  bytes[at + 3] = number;
}

/** 4 or 16 bytes in network byte order. Throws RangeError for any other length. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.') as Ipv4;
  if (bytes.length === 16) return formatIpv6(bytes);
  throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** An unsigned number of 32 or 128 bits. */
export function addressNumber(address: IpAddress): bigint {
  if (!isIpv6(address)) return BigInt(dottedNumber(address));
  let number = 0n;
  for (const byte of addressBytes(address)) number = (number << 8n) | BigInt(byte);
  return number;
}

/** Throws RangeError if the number does not fit. */
export function addressFromNumber(family: Family, number: bigint): IpAddress {
  return family === 'IPv4' && number >= 0n && number <= 0xffff_ffffn
    ? dotted(Number(number))
    : addressFromBytes(numberBytes(family, number));
}

/** The address of an unsigned number of 32 bits. */
export function dotted(number: number): Ipv4 {
  const low = `${(number >>> 8) & 0xff}.${number & 0xff}`;
  return `${number >>> 24}.${(number >>> 16) & 0xff}.${low}` as Ipv4;
}

/** 4 or 16 bytes in network byte order. Throws RangeError if the number does not fit. */
export function numberBytes(family: Family, number: bigint): Uint8Array {
  if (number < 0n || number >> (family === 'IPv4' ? 32n : 128n) !== 0n) {
    throw new RangeError(`${number} is no ${family} address`);
  }
  if (family === 'IPv4') {
    const small = Number(number);
    return Uint8Array.of(small >>> 24, (small >>> 16) & 0xff, (small >>> 8) & 0xff, small & 0xff);
  }
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, number >> 64n);
  view.setBigUint64(8, number & 0xffff_ffff_ffff_ffffn);
  return bytes;
}

/** A total order for canonical output: by family, then by number. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a === b) return 0;
  if (!isIpv6(a) && !isIpv6(b)) return dottedNumber(a) - dottedNumber(b);
  const left = addressBytes(a);
  const right = addressBytes(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Where an address stands among those of its family: compared by `<`. A number for IPv4, a text for IPv6. */
export type AddressPlace = number | string;

/** Made once for each address, it makes sorting cheaper than `compareAddresses`. */
export function placeOf(address: IpAddress): AddressPlace {
  return isIpv6(address) ? String.fromCharCode(...addressBytes(address)) : dottedNumber(address);
}

/** `address:port`, with IPv6 in brackets. */
export function formatEndpoint(address: string, port: number): string {
  return [address.includes(':') ? `[${address}]` : address, port].join(':');
}

/** Without allocation, since every change sorts endpoints. */
export function dottedNumber(address: Ipv4): number {
  let number = 0;
  let value = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 46) {
      number = number * 256 + value;
      value = 0;
    } else value = value * 10 + code - 48;
  }
  return number * 256 + value;
}

function ipv4Bytes(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4);
  let index = 0;
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 46 : text.charCodeAt(i);
    if (code === 46) {
      if (value < 0 || index > 3) return null;
      bytes[index++] = value;
      value = -1;
    } else if (code >= 48 && code <= 57) {
      value = value < 0 ? code - 48 : value * 10 + code - 48;
      if (value > 255) return null;
    } else return null;
  }
  return index === 4 ? bytes : null;
}

function ipv6Bytes(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = ipv6Groups(halves[0] as string, halves.length === 1);
  if (head === null) return null;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : null;
  const tail = ipv6Groups(halves[1] as string, true);
  if (tail === null || head.length + tail.length > 14) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups; the last group of an address may be dotted decimal. */
function ipv6Groups(text: string, endsAddress: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const dotted = endsAddress && index === groups.length - 1 ? ipv4Bytes(group) : null;
      if (dotted === null) return null;
      bytes.push(...dotted);
    } else {
      if (!/^0*[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
    if (bytes.length > 16) return null;
  }
  return bytes;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): Ipv6 {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > bestLength) {
      bestStart = start;
      bestLength = end - start;
    }
    if (end > start) start = end;
  }
  const hex = groups.map((group) => group.toString(16));
  // Section 5: IPv4-mapped addresses end in dotted decimal.
  if (bestStart === 0 && bestLength === 5 && groups[5] === 0xffff) {
    return `::ffff:${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}` as Ipv6;
  }
  if (bestStart < 0) return hex.join(':') as Ipv6;
  return [hex.slice(0, bestStart).join(':'), hex.slice(bestStart + bestLength).join(':')].join('::') as Ipv6;
}
