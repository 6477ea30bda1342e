import type { IpAddress } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';

/** `Hostname`: where the name of the node is an address. `Calico`: of an annotation of projectcalico.org. */
export type NodeAddressType = 'InternalIP' | 'ExternalIP' | 'Hostname' | 'Calico';

/** A Node object, of this node or another. */
export interface NodeFact {
  readonly name: string;
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
   * May become a pod's public address: the interface is up and no bridge, dummy or tunnel.
   * specs/pod-nat.md, "Public address detection".
   */
  readonly eligible: boolean;
  /** A default route of the address's family leaves by this interface. */
  readonly onDefaultRoute: boolean;
}

/** All that the plan needs to know of this node, whatever it was learned from. */
export interface NodeFacts {
  readonly nodeName: string;
  /** The primary address of each family that the node has. */
  readonly nodeIPs: readonly IpAddress[];
  /** Every address that counts as local, in interface order. */
  readonly localAddresses: readonly LocalAddress[];
  /** What is a pod; empty: unknown, and then no source counts as a pod. */
  readonly podCIDRs: readonly Prefix[];
  /** Ranges of ClusterIPs. */
  readonly serviceCIDRs: readonly Prefix[];
  /** Prefixes on whose local addresses NodePorts answer; null: the primary address of each family. */
  readonly nodePortAddresses: readonly Prefix[] | null;
  readonly masqueradeAll: boolean;
  /** Labels of the Node that topology hints are matched with. */
  readonly topologyLabels: Readonly<Record<string, string>>;
}
