import type { Prefix } from '../net/prefix.ts';

/** An IPPool, reduced to what decides about NAT. docs/spec/egress-nat.md. */
export interface PoolFact {
  readonly name: string;
  readonly cidr: Prefix;
  readonly natOutgoing: boolean;
  /** Changes nothing for NAT: the pool's addresses stay un-NATed destinations. */
  readonly disabled: boolean;
  /** `allowedUses` is exactly `[LoadBalancer]`: the pool is no un-NATed destination. */
  readonly loadBalancerOnly: boolean;
  /** `allowedUses` is without `Workload`: no pod gets an address from it. */
  readonly noWorkloads?: true;
}
