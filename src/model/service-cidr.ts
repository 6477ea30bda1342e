import type { Prefix } from '../net/prefix.ts';

/** A ServiceCIDR (networking.k8s.io/v1): a range that the cluster takes ClusterIPs from. */
export interface ServiceCidrFact {
  readonly name: string;
  /** One of each family at most. */
  readonly cidrs: readonly Prefix[];
}
