import { addressFromBytes } from '../../../net/address.ts';
import { protocolFromNumber } from '../../../net/protocol.ts';
import { hex, host32, net16, textOf } from '../../../wire/bytes.ts';

/** How a value of a rule is written. */
export type ValueType =
  | 'address'
  | 'port'
  | 'name'
  | 'protocol'
  | 'family'
  | 'state'
  | 'status'
  | 'mark'
  | 'number'
  | 'byte'
  | 'fib-type'
  | 'bytes';

/** As nft writes it. @param bits how many bits are compared; for addresses, fewer than all make a prefix */
export function valueText(type: ValueType, value: Uint8Array, bits = value.length * 8): string {
  switch (type) {
    case 'address':
      return addressText(value, bits);
    case 'port':
      return value.length === 2 ? String(net16(value, 0)) : bytesText(value);
    case 'name': {
      const isWhole = value.includes(0);
      return `"${textOf(value, 0, value.length)}${isWhole ? '' : '*'}"`;
    }
    case 'protocol':
      return protocolText(value[0] ?? 0);
    case 'family':
      return value[0] === 2 ? 'ipv4' : value[0] === 10 ? 'ipv6' : bytesText(value);
    case 'state':
      return value.length === 4 ? flagsText(host32(value, 0), STATES) : bytesText(value);
    case 'status':
      return value.length === 4 ? flagsText(host32(value, 0), STATUSES) : bytesText(value);
    case 'fib-type':
      return value.length === 4 ? (ROUTE_TYPES[host32(value, 0)] ?? bytesText(value)) : bytesText(value);
    case 'mark':
      return value.length === 4 ? `0x${host32(value, 0).toString(16)}` : bytesText(value);
    case 'number':
      return value.length === 4 ? String(host32(value, 0)) : bytesText(value);
    case 'byte':
      return value.length === 1 ? String(value[0]) : bytesText(value);
    case 'bytes':
      return bytesText(value);
    default:
      return type satisfies never;
  }
}

export function protocolText(number: number): string {
  return protocolFromNumber(number)?.toLowerCase() ?? PROTOCOLS[number] ?? String(number);
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  47: 'gre',
  50: 'esp',
  58: 'icmpv6',
};

/** RTN_… of rtnetlink.h. */
export const ROUTE_TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
] as const;

const STATES = new Map([
  [1, 'invalid'],
  [2, 'established'],
  [4, 'related'],
  [8, 'new'],
  [64, 'untracked'],
]);
const STATUSES = new Map([
  [1, 'expected'],
  [2, 'seen-reply'],
  [4, 'assured'],
  [8, 'confirmed'],
  [16, 'snat'],
  [32, 'dnat'],
]);

function flagsText(value: number, names: ReadonlyMap<number, string>): string {
  const found = [...names].filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return found.length > 0 ? found.join(',') : `0x${value.toString(16)}`;
}

/** Fewer bytes than an address are those of a prefix. */
function addressText(value: Uint8Array, bits: number): string {
  const width = value.length <= 4 ? 4 : 16;
  const bytes = new Uint8Array(width);
  bytes.set(value);
  const address = addressFromBytes(bytes);
  return bits === width * 8 ? address : `${address}/${bits}`;
}

function bytesText(value: Uint8Array): string {
  return `0x${hex(value)}`;
}
