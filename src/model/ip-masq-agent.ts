import type { Prefix } from '../net/prefix.ts';

/**
 * What a configuration file of ip-masq-agent says: everything is masqueraded but what goes to these networks.
 * docs/spec/egress-nat.md, "ip-masq-agent's configuration".
 */
export interface IpMasqAgentFact {
  /** Path of the file. */
  readonly name: string;
  readonly nonMasqueradeCIDRs: readonly Prefix[];
  /** True: 169.254.0.0/16 is masqueraded to as well. */
  readonly masqLinkLocal: boolean;
  /** True: fe80::/10 is masqueraded to as well. */
  readonly masqLinkLocalIPv6: boolean;
}
