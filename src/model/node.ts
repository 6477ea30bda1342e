import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port, PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';

/** `Hostname`: where the name of the node is an address. `Calico`: of an annotation of projectcalico.org. */
export type NodeAddressType = 'InternalIP' | 'ExternalIP' | 'Hostname' | 'Calico';

/** A Node object, of this node or another. */
export interface NodeFact {
  readonly name: string;
  /** Another one when the Node was deleted and registered again; empty in manifests. */
  readonly uid: string;
  /**
   * All addresses that the node is known by, each once: those of `status.addresses` in order (names are left out),
   * then those that Calico chose for it.
   */
  readonly addresses: readonly { readonly type: NodeAddressType; readonly address: IpAddress }[];
  readonly podCIDRs: readonly Prefix[];
  readonly labels: Readonly<Record<string, string>>;
  /** A deletion timestamp is set. */
  readonly terminating: boolean;
  /** Tainted by the cluster autoscaler, which is about to delete the node: no new traffic should come. */
  readonly excludedByAutoscaler: boolean;
}

/** An address that an interface of this node bears. */
export interface LocalAddress {
  readonly address: IpAddress;
  /** Interface name; empty where only a manifest tells of the address. */
  readonly interfaceName: string;
  /**
   * May become a pod's public address: the interface is up, and a default route leaves by it or it is no loopback,
   * bridge, dummy or tunnel; or a default route, or the Node object, names the address itself.
   * docs/spec/pod-nat.md, "Public address detection".
   */
  readonly eligible: boolean;
  /** A default route of the address's family leaves by this interface, or names the address. */
  readonly onDefaultRoute: boolean;
  /** `source`: a default route names it; `gateway`: its network has the gateway of one; null: neither. */
  readonly byRoute: 'source' | 'gateway' | null;
}

/** Who takes what is sent to a port where it is no socket: a port mapping of a Pod spec, or a rule of another program. */
export interface PortHolder {
  /** For people: `hostPort of Pod web/nginx`, `a rule in chain DOCKER of iptables-nft`. */
  readonly by: string;
  /** Where the rule sends packets; null where it does not say one address. */
  readonly to: IpAddress | null;
  /** Namespace and name of the Pod whose spec says so; null for a rule. */
  readonly pod: string | null;
}

/**
 * A socket of this host that takes what is sent to a port, or somebody else who does. docs/spec/pod-nat.md, "Who wins".
 */
export interface HostListener {
  readonly protocol: Protocol;
  readonly port: Port;
  /** The address that it is bound to; null: every address of its families. */
  readonly address: IpAddress | null;
  readonly families: readonly Family[];
  /** Absent for a socket. */
  readonly held?: PortHolder;
}

/** One interface, or all whose name begins so. */
export interface InterfacePattern {
  /** At most 15 bytes, as the kernel has it. */
  readonly name: string;
  readonly isPrefix: boolean;
}

/** `cni0`, or `cali*` for a prefix. */
export function formatInterface({ name, isPrefix }: InterfacePattern): string {
  return isPrefix ? `${name}*` : name;
}

export function matchesInterface(pattern: InterfacePattern, name: string): boolean {
  return pattern.isPrefix ? name.startsWith(pattern.name) : name === pattern.name;
}

/** All that the plan needs to know of this node, whatever it was learned from. */
export interface NodeFacts {
  readonly nodeName: string;
  /** The primary address of each family that the node has. */
  readonly nodeIPs: readonly IpAddress[];
  /** Every address that counts as local, in the order in which they are preferred. */
  readonly localAddresses: readonly LocalAddress[];
  /** What is a pod; empty: not told by addresses. Without `podInterface` no source counts as a pod then. */
  readonly podCIDRs: readonly Prefix[];
  /** Objects that tell pods besides: pools for pods, and the addresses of this node's Pods. Empty: none do. */
  readonly podsToldBy: readonly ('IPPool' | 'Pod')[];
  /** Where a source counts as a pod for the interface that its packets come in by; null: told by addresses. */
  readonly podInterface: InterfacePattern | null;
  /** Networks of pods as far as they are known, whatever tells a pod. */
  readonly podNetworks: readonly Prefix[];
  /** Ranges of ClusterIPs. */
  readonly serviceCIDRs: readonly Prefix[];
  /** Prefixes on whose local addresses NodePorts answer; null: the primary address of each family. */
  readonly nodePortAddresses: readonly Prefix[] | null;
  readonly masqueradeAll: boolean;
  /** Labels of the Node that topology hints are matched with. */
  readonly topologyLabels: Readonly<Record<string, string>>;
  /** Ports that this host itself has in use; empty where they are not known. */
  readonly listeners: readonly HostListener[];
  /** Ports that rules of other programs translate; empty where they are not known. */
  readonly portRules: readonly HostListener[];
  /** `net.ipv4.ip_local_reserved_ports` of this host; empty where it is not known. */
  readonly reservedPorts: readonly PortSpan[];
}
