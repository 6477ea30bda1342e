/**
 * The parts of Kubernetes objects that decide about service NAT, as they stand in a manifest: every field may be
 * absent, and `null` is absent.
 */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly uid?: string;
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly nodePort?: number;
  readonly targetPort?: number | string;
}

export interface Ingress {
  readonly ip?: string;
  readonly hostname?: string;
  readonly ipMode?: string;
}

export interface Service {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: Metadata;
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
    readonly ipFamilyPolicy?: string;
    readonly externalName?: string;
    readonly ports?: readonly ServicePort[];
    readonly externalIPs?: readonly string[];
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly externalTrafficPolicy?: string;
    readonly internalTrafficPolicy?: string;
    readonly [other: string]: unknown;
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly Ingress[] } };
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  } | null;
  readonly nodeName?: string | null;
  readonly zone?: string | null;
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  } | null;
}

export interface EndpointSlice {
  readonly apiVersion: 'discovery.k8s.io/v1';
  readonly kind: 'EndpointSlice';
  readonly metadata: Metadata;
  readonly addressType: string;
  readonly endpoints?: readonly Endpoint[] | null;
  readonly ports?: readonly {
    readonly name?: string;
    readonly port?: number | null;
    readonly protocol?: string;
  }[];
}

/** What the conformance data calls `config`. */
export interface NodeConfig {
  readonly nodeName: string;
  /** Its primary address, or the one of each family. */
  readonly nodeIP: string | readonly string[];
  readonly localNodeIPs: readonly string[];
  readonly podCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  /** CIDRs; none, or `primary` alone: the primary addresses. */
  readonly nodePortAddresses: readonly string[];
  readonly masqueradeAll: boolean;
  readonly topologyLabels: Readonly<Record<string, string>>;
}

export interface Flow {
  readonly sourceIP: string;
  readonly protocol: string;
  readonly destIP: string;
  readonly destPort: number;
}

/** What happens to the first packet of a connection, in the words of the conformance data. */
export interface Answer {
  readonly verdict: string;
  readonly endpoints: readonly string[];
  readonly masq: boolean;
}
