import type { NatOutgoingExclusions } from '../model/felix-configuration.ts';
import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import { prefixOf } from '../net/prefix.ts';
import type { PodNatPolicy, ReservedPorts } from './pod-nat-policy.ts';
import type { SizeLimits } from './size-bounds.ts';

/** Which kinds of NAT are on. A kind that is off has nothing in the plan. */
export interface EnabledKinds {
  readonly service: boolean;
  readonly pod: boolean;
  readonly egress: boolean;
}

/** Settings of Egress NAT; null: as in Calico's FelixConfiguration, else its default. docs/spec/egress-nat.md. */
export interface EgressOptions {
  readonly natPortRange: readonly PortSpan[] | null;
  /** Remove `excludedPorts`, and ports that the host reserves, from the port ranges. */
  readonly natPortExclusions: boolean;
  /** Ports that no translated connection should have: of NodePorts and of VXLAN. */
  readonly excludedPorts: readonly PortSpan[];
  readonly natOutgoingAddress: readonly IpAddress[] | null;
  readonly natOutgoingInterfaceFilter: string | null;
  readonly natOutgoingExclusions: NatOutgoingExclusions | null;
  /** Only the narrowest of nested pools decides whether a source is translated; with Calico any pool can. */
  readonly mostSpecificPoolWins: boolean;
  /** With ip-masq-agent's file: all sources, not pods alone. */
  readonly masqueradeHostTraffic: boolean;
}

/** Settings of the plan that are not facts of the cluster. */
export interface PlanOptions {
  readonly enable: EnabledKinds;
  readonly egress: EgressOptions;
  /** Networks whose addresses Services may have as `externalIPs`; null: all. */
  readonly externalIPs: readonly Prefix[] | null;
  /** Destinations without the return SNAT of Pod NAT, in addition to pools, service CIDRs and nodes. */
  readonly internalNetworks: readonly Prefix[];
  /** Networks whose addresses are no public addresses. */
  readonly publicAddressFilter: readonly Prefix[];
  /** Networks whose addresses are public although the filter contains them. */
  readonly publicAddressAllowed: readonly Prefix[];
  /** Drop packets from and to pods that connection tracking finds invalid, while Service NAT is on. */
  readonly dropInvalid: boolean;
  /** Bind a pod only while it is Ready. */
  readonly requireReady: boolean;
  readonly podNatPolicy: PodNatPolicy;
  readonly sizes: SizeLimits;
}

/** docs/spec/pod-nat.md, "What is programmed": `internalnets`. */
const INTERNAL_NETWORKS = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
].map(prefixOf);

/** docs/spec/pod-nat.md, "Public address detection". */
const NOT_PUBLIC = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].map(prefixOf);

const NODE_PORTS = { first: 30000, last: 32767, why: 'NodePorts' } as const;
const VXLAN_PORT = { first: 4789, last: 4789, why: 'VXLAN' } as const;

/**
 * Ports of Kubernetes, its networks and knat: a pod that binds one would receive their packets. They are reserved even
 * if the program does not run here.
 */
const RESERVED: readonly ReservedPorts[] = [
  reserved(22, 'TCP', 'SSH'),
  reserved(179, 'TCP', 'BGP'),
  { first: 2379, last: 2380, protocol: null, why: 'etcd' },
  { ...VXLAN_PORT, protocol: 'UDP' },
  reserved(6081, 'UDP', 'Geneve'),
  reserved(6443, 'TCP', 'the API server'),
  reserved(8472, 'UDP', 'VXLAN of flannel and Cilium'),
  reserved(8484, 'TCP', 'the API of knat'),
  reserved(9099, 'TCP', 'the health of Calico'),
  reserved(9100, 'TCP', 'the metrics of the node'),
  reserved(10249, 'TCP', 'the metrics of kube-proxy and knat'),
  reserved(10250, null, 'the kubelet'),
  reserved(10255, 'TCP', 'the kubelet'),
  reserved(10256, 'TCP', 'the health of kube-proxy and knat'),
  reserved(10257, 'TCP', 'the controller manager'),
  reserved(10258, 'TCP', 'the cloud controller manager'),
  reserved(10259, 'TCP', 'the scheduler'),
  reserved(10266, 'TCP', 'the health of knat beside kube-proxy'),
  { ...NODE_PORTS, protocol: null },
];

function reserved(port: number, protocol: ReservedPorts['protocol'], why: string): ReservedPorts {
  return { first: port, last: port, protocol, why };
}

/** All namespaces and addresses, no reserved port, and no takeover. */
export const defaultPodNatPolicy: PodNatPolicy = Object.freeze({
  namespaces: null,
  namespaceSelector: null,
  ports: null,
  addresses: null,
  takeover: false,
  reserved: RESERVED,
  unreserved: [],
  maxPortsPerPod: null,
  maxPortsPerNamespace: null,
});

/** A change of such a set costs the kernel less than 0.1 s. */
export const defaultSizes: SizeLimits = Object.freeze({
  networksPerList: 1024,
  networksPerNamespace: 2048,
  networksPerNode: 4096,
  entriesPerNamespace: 2048,
  entriesPerNode: 4096,
});

/** The defaults of the specifications: all three kinds are on. */
export const defaultPlanOptions: PlanOptions = Object.freeze({
  enable: { service: true, pod: true, egress: true },
  egress: {
    natPortRange: null,
    natPortExclusions: true,
    excludedPorts: [NODE_PORTS, VXLAN_PORT],
    natOutgoingAddress: null,
    natOutgoingInterfaceFilter: null,
    natOutgoingExclusions: null,
    mostSpecificPoolWins: false,
    masqueradeHostTraffic: false,
  },
  externalIPs: null,
  internalNetworks: INTERNAL_NETWORKS,
  publicAddressFilter: NOT_PUBLIC,
  publicAddressAllowed: [],
  dropInvalid: true,
  requireReady: true,
  podNatPolicy: defaultPodNatPolicy,
  sizes: defaultSizes,
});
