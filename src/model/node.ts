import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port, PortSpan } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';

/** `Hostname`: the node's name is an address. `Calico`: from an annotation of projectcalico.org. */
export type NodeAddressType = 'InternalIP' | 'ExternalIP' | 'Hostname' | 'Calico';

export interface NodeFact {
  readonly name: string;
  /** Changes if the Node is deleted and registered again; empty in manifests. */
  readonly uid: string;
  /** Each address once: `status.addresses` in order (without names), then Calico's annotations. */
  readonly addresses: readonly { readonly type: NodeAddressType; readonly address: IpAddress }[];
  readonly podCIDRs: readonly Prefix[];
  readonly labels: Readonly<Record<string, string>>;
  /** A deletion timestamp is set. */
  readonly terminating: boolean;
  /** The cluster autoscaler is about to delete the node and has tainted it: it should get no new traffic. */
  readonly excludedByAutoscaler: boolean;
}

/** An address of an interface of this node. */
export interface LocalAddress {
  readonly address: IpAddress;
  /** Interface name; empty if the address comes from a manifest. */
  readonly interfaceName: string;
  /** May be a pod's public address. docs/spec/pod-nat.md, "Public address detection". */
  readonly eligible: boolean;
  /** A default route of the address's family leaves by this interface, or names the address. */
  readonly onDefaultRoute: boolean;
  /** `source`: a default route has it as source; `gateway`: its network contains the gateway of one; null: neither. */
  readonly byRoute: 'source' | 'gateway' | null;
}

/** The receiver of packets to a port if it is no socket: a host port of a Pod, or a rule of another program. */
export interface PortHolder {
  /** For people: `hostPort of Pod web/nginx`, `a rule in chain DOCKER of iptables-nft`. */
  readonly by: string;
  /** The address to which the rule sends packets; null if it is not a single one. */
  readonly to: IpAddress | null;
  /** Namespace and name of the Pod with the host port; null for a rule. */
  readonly pod: string | null;
}

/** A socket, host port or rule of another program that receives packets. docs/spec/pod-nat.md, "Who wins". */
export interface HostListener {
  readonly protocol: Protocol;
  readonly port: Port;
  /** The address to which it is bound; null: every address of its families. */
  readonly address: IpAddress | null;
  readonly families: readonly Family[];
  /** Absent for a socket. */
  readonly held?: PortHolder;
}

/** One interface, or all with this prefix of their name. */
export interface InterfacePattern {
  /** At most 15 bytes, the kernel's limit. */
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

/** Everything that the plan needs to know about this node, from all sources. */
export interface NodeFacts {
  readonly nodeName: string;
  readonly nodeIPs: readonly IpAddress[];
  /** Set if only objects tell of the node: it may bear further addresses, and its sockets are not known. */
  readonly isPartlyKnown?: true;
  /** Every address that counts as local, in order of preference. */
  readonly localAddresses: readonly LocalAddress[];
  /** Sources in these networks count as pods. If empty and without `podInterface`, only `podAddressesFrom` applies. */
  readonly podCIDRs: readonly Prefix[];
  /** Objects whose addresses count as pods too: pools for pods, and this node's Pods. */
  readonly podAddressesFrom: readonly ('IPPool' | 'Pod')[];
  /** Sources whose packets come in by this interface count as pods; null: pods are recognised by addresses. */
  readonly podInterface: InterfacePattern | null;
  /** All known networks of pods, however pods are recognised. */
  readonly podNetworks: readonly Prefix[];
  readonly serviceCIDRs: readonly Prefix[];
  /** NodePorts answer on local addresses in these prefixes; null: on the primary address of each family. */
  readonly nodePortAddresses: readonly Prefix[] | null;
  readonly masqueradeAll: boolean;
  /** Labels of the Node that topology hints refer to. */
  readonly topologyLabels: Readonly<Record<string, string>>;
  /** Listening sockets of this host; empty if unknown. */
  readonly listeners: readonly HostListener[];
  /** Ports that rules of other programs translate; empty if unknown. */
  readonly portRules: readonly HostListener[];
  /** `net.ipv4.ip_local_reserved_ports` of this host; empty if unknown. */
  readonly reservedPorts: readonly PortSpan[];
}
