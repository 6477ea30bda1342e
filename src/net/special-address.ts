import type { IpAddress } from './address.ts';
import { type Prefix, parsePrefix, prefixContains } from './prefix.ts';

/** Networks whose addresses are nobody's in particular, with what they are called. */
const SPECIAL: readonly (readonly [network: Prefix, name: string])[] = (
  [
    ['0.0.0.0/32', 'the unspecified address'],
    ['::/128', 'the unspecified address'],
    ['127.0.0.0/8', 'a loopback address'],
    ['::1/128', 'a loopback address'],
    ['169.254.0.0/16', 'a link-local address'],
    ['fe80::/10', 'a link-local address'],
    ['224.0.0.0/4', 'a multicast address'],
    ['ff00::/8', 'a multicast address'],
    ['255.255.255.255/32', 'the broadcast address'],
  ] as const
).map(([text, name]) => {
  const network = parsePrefix(text);
  if (typeof network === 'string') throw new TypeError(`${text}: ${network}`);
  return [network, name];
});

/** How they begin as text, and few others do: a cluster has many addresses, and comparing numbers takes longer. */
const POSSIBLY = /^(?:0\.|127\.|169\.254\.|2[2-5]\d\.|::|fe[89ab]|ff)/;

/**
 * What an address is that no Service and no endpoint can have: `a loopback address`; null for all others. The API server
 * refuses these as external IPs and as addresses of endpoints (ValidateNonSpecialIP of
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go); multicast beyond the local
 * link, and broadcast, are ours.
 */
export function specialAddress(address: IpAddress): string | null {
  if (!POSSIBLY.test(address)) return null;
  return SPECIAL.find(([network]) => prefixContains(network, address))?.[1] ?? null;
}
