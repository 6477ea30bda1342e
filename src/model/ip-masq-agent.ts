import type { Prefix } from '../net/prefix.ts';

/**
 * A configuration file of ip-masq-agent: everything is masqueraded except packets to these networks.
 * docs/spec/egress-nat.md, "ip-masq-agent's configuration".
 */
export interface IpMasqAgentFact {
  readonly name: string;
  readonly nonMasqueradeCIDRs: readonly Prefix[];
  /** True: packets to 169.254.0.0/16 are masqueraded too. */
  readonly masqLinkLocal: boolean;
  /** True: packets to fe80::/10 are masqueraded too. */
  readonly masqLinkLocalIPv6: boolean;
}
