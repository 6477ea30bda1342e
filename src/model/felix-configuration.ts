import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';

/** Exempt destinations of Egress NAT in addition to the pools: none, or the addresses of all nodes. */
export type NatOutgoingExclusions = 'IPPoolsOnly' | 'IPPoolsAndHostIPs';

/**
 * Calico's FelixConfiguration `default`. docs/spec/egress-nat.md, "The decision". A field is null or empty if the
 * object does not set it.
 */
export interface FelixConfigurationFact {
  /** `default`; Calico's settings of single nodes are not read. */
  readonly name: string;
  /** Source ports of translated connections, in the order given; null: the kernel chooses. */
  readonly natPortRange: readonly { readonly first: Port; readonly last: Port }[] | null;
  /** Source addresses of translated connections, at most one of each family; empty: masquerade. */
  readonly natOutgoingAddress: readonly IpAddress[];
  /** Egress NAT only on this outgoing interface, a trailing `+` is a wildcard; null: all interfaces. */
  readonly iptablesNATOutgoingInterfaceFilter: string | null;
  /** Null: not set, which Calico treats as `IPPoolsOnly`. */
  readonly natOutgoingExclusions: NatOutgoingExclusions | null;
}
