import type { Prefix } from '../net/prefix.ts';

/** The fields of an IPPool that matter for NAT. docs/spec/egress-nat.md. */
export interface PoolFact {
  readonly name: string;
  readonly cidr: Prefix;
  readonly natOutgoing: boolean;
  /** Changes nothing for NAT: the pool's addresses stay exempt destinations. */
  readonly disabled: boolean;
  /** `allowedUses` is exactly `[LoadBalancer]`: the pool's addresses are no exempt destinations. */
  readonly loadBalancerOnly: boolean;
  /** `allowedUses` does not contain `Workload`: no pod gets an address from the pool. */
  readonly noWorkloads?: true;
}
