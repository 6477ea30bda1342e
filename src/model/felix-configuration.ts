import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';

/** Destinations that Egress NAT leaves alone beside the pools: none, or the addresses of all nodes. */
export type NatOutgoingExclusions = 'IPPoolsOnly' | 'IPPoolsAndHostIPs';

/**
 * What Calico's FelixConfiguration `default` says of Egress NAT. docs/spec/egress-nat.md, "The decision". A field that
 * the object does not give is null or empty, so that options of the agent can stand in for it.
 */
export interface FelixConfigurationFact {
  /** `default`; Calico's settings of single nodes are no facts. */
  readonly name: string;
  /** Source ports of translated connections, in the order given; null: the kernel chooses. */
  readonly natPortRange: readonly { readonly first: Port; readonly last: Port }[] | null;
  /** Source addresses of translated connections, at most one of each family; empty: masquerade. */
  readonly natOutgoingAddress: readonly IpAddress[];
  /** Egress NAT only out of this interface, a trailing `+` stands for any rest; null: all interfaces. */
  readonly iptablesNATOutgoingInterfaceFilter: string | null;
  /** Null where it is not given: Calico takes that as `IPPoolsOnly`. */
  readonly natOutgoingExclusions: NatOutgoingExclusions | null;
}
