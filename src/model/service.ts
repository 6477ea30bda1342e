import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';

export type TrafficPolicy = 'Cluster' | 'Local';

export interface ServicePortFact {
  /** Empty for the single unnamed port. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: Port;
  readonly nodePort: Port | null;
}

/**
 * Why knat does not handle a Service: no virtual address (headless, ExternalName), or its label names another proxy.
 */
export type NotOurs =
  | { readonly kind: 'headless' | 'ExternalName' }
  | { readonly kind: 'label'; readonly label: string };

/** `headless`, `label service.kubernetes.io/service-proxy-name`. */
export function formatNotOurs(notOurs: NotOurs): string {
  return notOurs.kind === 'label' ? `label ${notOurs.label}` : notOurs.kind;
}

/** The fields of a Service that matter for packets. */
export interface ServiceFact {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly createdAt: number;
  /** Null if knat handles the Service. docs/spec/service-nat.md, "Frontends". */
  readonly notOurs: NotOurs | null;
  readonly clusterIPs: readonly IpAddress[];
  readonly externalIPs: readonly IpAddress[];
  /** `status.loadBalancer.ingress[].ip` with ipMode VIP (the default); names and ipMode Proxy are left out. */
  readonly loadBalancerIPs: readonly IpAddress[];
  /** Of both families; null: no restriction. */
  readonly loadBalancerSourceRanges: readonly Prefix[] | null;
  readonly ports: readonly ServicePortFact[];
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** Session affinity ClientIP with its timeout in seconds; null for none. */
  readonly affinityTimeoutSeconds: number | null;
  /** `spec.healthCheckNodePort`, or null. */
  readonly healthCheckNodePort: Port | null;
}
