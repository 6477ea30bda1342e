import type { Prefix } from '../net/prefix.ts';

/** A ServiceCIDR (networking.k8s.io/v1): a range of ClusterIPs. */
export interface ServiceCidrFact {
  readonly name: string;
  /** At most one of each family. */
  readonly cidrs: readonly Prefix[];
}
