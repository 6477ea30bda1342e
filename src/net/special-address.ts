import type { IpAddress } from './address.ts';
import type { Family } from './family.ts';
import { type Prefix, prefixContains, prefixOf } from './prefix.ts';

/** Kinds of addresses that do not identify one host. */
export type SpecialKind =
  | 'unspecified'
  | 'this-network'
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'broadcast';

/** 169.254.0.0/16 and fe80::/10. */
export const LINK_LOCAL: Readonly<Record<Family, Prefix>> = {
  IPv4: prefixOf('169.254.0.0/16'),
  IPv6: prefixOf('fe80::/10'),
};

/** Narrower networks come first. */
const NETWORKS: readonly (readonly [network: Prefix, kind: SpecialKind])[] = [
  [prefixOf('0.0.0.0/32'), 'unspecified'],
  [prefixOf('::/128'), 'unspecified'],
  [prefixOf('0.0.0.0/8'), 'this-network'],
  [prefixOf('127.0.0.0/8'), 'loopback'],
  [prefixOf('::1/128'), 'loopback'],
  [LINK_LOCAL.IPv4, 'link-local'],
  [LINK_LOCAL.IPv6, 'link-local'],
  [prefixOf('224.0.0.0/4'), 'multicast'],
  [prefixOf('ff00::/8'), 'multicast'],
  [prefixOf('255.255.255.255/32'), 'broadcast'],
];

/** A quick check of the text: of many addresses, only few begin like this. */
const POSSIBLY = /^(?:0\.|127\.|169\.254\.|2[2-5]\d\.|::|fe[89ab]|ff)/;

/** Null for ordinary addresses. */
export function specialKind(address: IpAddress): SpecialKind | null {
  if (!POSSIBLY.test(address)) return null;
  return NETWORKS.find(([network]) => prefixContains(network, address))?.[1] ?? null;
}

const NAMES: Readonly<Record<SpecialKind, string | null>> = {
  unspecified: 'the unspecified address',
  'this-network': null,
  loopback: 'a loopback address',
  'link-local': 'a link-local address',
  multicast: 'a multicast address',
  broadcast: 'the broadcast address',
};

/**
 * The kind (`a loopback address`) if no Service and no endpoint may have the address, or null. The API server refuses
 * these addresses (ValidateNonSpecialIP of
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go); knat also refuses
 * broadcast and multicast beyond the local link.
 */
export function specialAddress(address: IpAddress): string | null {
  const kind = specialKind(address);
  return kind === null ? null : NAMES[kind];
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: IpAddress): boolean {
  return specialKind(address) === 'loopback';
}
