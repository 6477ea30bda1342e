import type { NatOutgoingExclusions } from '../model/felix-configuration.ts';
import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import { parsePrefix } from '../net/prefix.ts';

/** Which kinds of NAT are wanted. A kind that is off leaves nothing of itself in the plan. */
export interface EnabledKinds {
  readonly service: boolean;
  readonly pod: boolean;
  readonly egress: boolean;
}

/** Settings of Egress NAT; null: as Calico's FelixConfiguration has it, or its default. specs/egress-nat.md. */
export interface EgressOptions {
  readonly natPortRange: readonly PortSpan[] | null;
  /** Take `excludedPorts`, and what the host reserves, out of the port ranges. */
  readonly natPortExclusions: boolean;
  /** Ports that no translated connection should have: of NodePorts and of VXLAN. */
  readonly excludedPorts: readonly PortSpan[];
  readonly natOutgoingAddress: readonly IpAddress[] | null;
  readonly natOutgoingInterfaceFilter: string | null;
  readonly natOutgoingExclusions: NatOutgoingExclusions | null;
  /** Of nested pools the narrowest decides whether a source is NATed; Calico takes any that says so. */
  readonly mostSpecificPoolWins: boolean;
  /** With ip-masq-agent's file: all sources, not pods alone. */
  readonly masqueradeHostTraffic: boolean;
}

/** Settings of the plan that are not facts of the cluster. */
export interface PlanOptions {
  readonly enable: EnabledKinds;
  readonly egress: EgressOptions;
  /** Destinations that the return SNAT of Pod NAT leaves alone, beside pools, service CIDRs and nodes. */
  readonly internalNetworks: readonly Prefix[];
  /** Networks whose addresses are no public addresses. */
  readonly publicAddressFilter: readonly Prefix[];
  /** Networks whose addresses are public although the filter names them. */
  readonly publicAddressAllowed: readonly Prefix[];
  /** Drop packets from and to pods that connection tracking cannot place, while Service NAT is on. */
  readonly dropInvalid: boolean;
  /** Bind a pod only while it is Ready. */
  readonly requireReady: boolean;
  /** Ports on the node that no pod may bind, inclusive ranges. */
  readonly reservedPorts: readonly { readonly first: number; readonly last: number; readonly why: string }[];
}

/** specs/pod-nat.md, "What is programmed": `internalnets`. */
const INTERNAL_NETWORKS = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
];

/** specs/pod-nat.md, "Public address detection". */
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
];

function prefixes(texts: readonly string[]): Prefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if (typeof prefix === 'string') throw new TypeError(`${text}: ${prefix}`);
    return prefix;
  });
}

const NODE_PORTS = { first: 30000, last: 32767, why: 'NodePorts' } as const;
const VXLAN_PORT = { first: 4789, last: 4789, why: 'VXLAN' } as const;

/** The defaults of the specifications: all three kinds. */
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
  internalNetworks: prefixes(INTERNAL_NETWORKS),
  publicAddressFilter: prefixes(NOT_PUBLIC),
  publicAddressAllowed: [],
  dropInvalid: true,
  requireReady: true,
  reservedPorts: [
    { first: 2379, last: 2380, why: 'etcd' },
    { first: 10250, last: 10250, why: 'the kubelet' },
    NODE_PORTS,
  ],
});
