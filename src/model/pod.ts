import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';

/** One entry of the Pod NAT annotation, after validation. docs/spec/pod-nat.md, "Annotation". */
export interface PodNatEntry {
  /** True: bind the node's detected public addresses; false: bind `sourceIP`. */
  readonly interfaceAuto: boolean;
  /** The node address to bind; null if the entry names none. */
  readonly sourceIP: IpAddress | null;
  readonly sourcePort: Port;
  readonly destinationPort: Port;
  /** Length of both ranges; 1 for a single port. */
  readonly portCount: number;
  readonly protocol: Protocol;
  /** Sources that may use the binding; null: all. */
  readonly allow: readonly Prefix[] | null;
  /** False: no return SNAT for what the pod starts. */
  readonly egress: boolean;
  /** True: the binding wins against a listening socket of the host. */
  readonly takeover: boolean;
}

/** The content of the annotation: entries, or the text of the first error; and warnings. */
export interface PodNatRequest {
  readonly entries: readonly PodNatEntry[];
  /** The exact text of docs/spec/pod-nat.md; null if the annotation is valid. */
  readonly error: string | null;
  /** The error is about a port that no pod may bind. */
  readonly isRestricted?: true;
  readonly warnings: readonly string[];
}

/** A port of the node that the CNI plugin maps to a container: `ports[].hostPort`. */
export interface HostPort {
  readonly protocol: Protocol;
  readonly port: Port;
  /** `hostIP`; null: every address of the node. */
  readonly address: IpAddress | null;
  readonly families: readonly Family[];
}

export interface PodFact {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Milliseconds since the epoch; 0 if not known. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  /** `spec.nodeName`; empty while unscheduled. */
  readonly nodeName: string;
  readonly hostNetwork: boolean;
  /** Succeeded or Failed: the pod's address may already belong to another. */
  readonly finished: boolean;
  /** A deletion timestamp is set. */
  readonly terminating: boolean;
  /** Condition Ready is True. */
  readonly ready: boolean;
  readonly ips: readonly IpAddress[];
  /** Of its containers; empty with the host network, whose ports are sockets. */
  readonly hostPorts: readonly HostPort[];
  /** Null if the pod has no annotation with the configured key. */
  readonly nat: PodNatRequest | null;
}
