import type { IpAddress } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';

/** A Node object, of this node or another. */
export interface NodeFact {
  readonly name: string;
  /** `status.addresses` of types InternalIP and ExternalIP, in order; names are left out. */
  readonly addresses: readonly { readonly type: 'InternalIP' | 'ExternalIP'; readonly address: IpAddress }[];
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
   * May become a pod's public address: the interface is up and no bridge, dummy or tunnel.
   * specs/pod-nat.md, "Public address detection".
   */
  readonly eligible: boolean;
  /** A default route of the address's family leaves by this interface. */
  readonly onDefaultRoute: boolean;
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
  /** Every address that counts as local, in interface order. */
  readonly localAddresses: readonly LocalAddress[];
  /** What is a pod; empty: not told by addresses. Without `podInterface` no source counts as a pod then. */
  readonly podCIDRs: readonly Prefix[];
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
}
