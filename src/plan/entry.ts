import type { EgressDestination } from '../model/egress-rule.ts';
import type { InterfacePattern } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Port, type PortSpan, parsePort } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { AddressRange, AddressSet } from '../net/ranges.ts';

/** The original destination of packets; frontends and bindings claim it. */
export interface Tuple {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: Port;
}

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: Port;
}

/** The field of a Service that a frontend comes from. */
export type FrontendOrigin = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer';

/**
 * Which sources are masqueraded on the way to an endpoint (docs/spec/service-nat.md, "Frontends"); a hairpin connection
 * always is.
 * - `cluster-ip`: the sources in the scope's `masqueradeToClusterIP`.
 * - `node-sources`: this node's own addresses only.
 */
export type MasqueradeRule = 'always' | 'cluster-ip' | 'node-sources';

/** One address, protocol and port of a Service, and what happens to packets that are sent to it. */
export interface ServiceFrontend {
  readonly kind: 'ServiceFrontend';
  readonly key: string;
  readonly tuple: Tuple;
  readonly origin: FrontendOrigin;
  readonly owner: ObjectRef;
  /** The Service's creation in milliseconds since the epoch; decides between two Services. */
  readonly createdAt: number;
  readonly portName: string;
  /** Sorted, without duplicates. If `localEndpoints` is set: the endpoints for pods and for this node itself. */
  readonly endpoints: readonly Endpoint[];
  /** External traffic policy Local: the endpoints for all other sources. Null with policy Cluster. */
  readonly localEndpoints: readonly Endpoint[] | null;
  /**
   * UDP: endpoints that still serve but get no new flows here (terminating, or excluded by policy or hints); their
   * existing flows continue. Sorted; empty for other protocols, whose connections continue anyway.
   */
  readonly retained: readonly Endpoint[];
  readonly masquerade: MasqueradeRule;
  /** The answer to a source without an endpoint. */
  readonly unserved: 'reject' | 'drop';
  /** `loadBalancerSourceRanges` of the family; null: no restriction. Other sources are dropped. */
  readonly sourceRanges: AddressSet | null;
  /** Session affinity ClientIP in seconds; null for none. */
  readonly affinityTimeoutSeconds: number | null;
}

/** Equally many ports of a node address and of one pod, paired in order. */
interface PodPorts {
  readonly key: string;
  /** The first port: on the node, or of the pod with `PodSourcePort`. */
  readonly tuple: Tuple;
  /** 1 for a single port. */
  readonly portCount: number;
  readonly endpoint: Endpoint;
  readonly owner: ObjectRef;
  readonly createdAt: number;
  readonly uid: string;
  /** Index of the entry in the annotation: of two entries of one Pod for the same port, the first wins. */
  readonly order: number;
}

/** Node ports that go straight to one pod. docs/spec/pod-nat.md. */
export interface PodBinding extends PodPorts {
  readonly kind: 'PodBinding';
  /** Sources that may use the binding; null: all. Others are dropped. */
  readonly sourceRanges: AddressSet | null;
  /** True: connections that the pod starts from these ports leave from the ports of the node. */
  readonly egress: boolean;
}

/** A binding whose pod is not Ready yet: only connections that the pod starts are translated, from these ports. */
export interface PodReservation extends PodPorts {
  readonly kind: 'PodReservation';
}

/**
 * Connections that a pod starts from these ports leave from the ports of its own binding. Made only from bindings that
 * won their claim.
 */
export interface PodSourcePort extends Omit<PodPorts, 'endpoint'> {
  readonly kind: 'PodSourcePort';
  /** The new source address, and the port that the first port becomes. */
  readonly snat: Endpoint;
}

/**
 * Connections of a bound pod to the outside leave with this address; without a `PodSourcePort`, from a port without an
 * owner.
 */
export interface PodSource {
  readonly kind: 'PodSource';
  readonly key: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly owner: ObjectRef;
  readonly createdAt: number;
  readonly uid: string;
  readonly snat: IpAddress;
}

/** An address that belongs to a Service, so that its unlisted ports are refused. */
export interface ClusterAddress {
  readonly kind: 'ClusterAddress';
  readonly key: string;
  readonly address: IpAddress;
  readonly owner: ObjectRef;
  readonly createdAt: number;
}

/**
 * Where load balancers ask whether this node has endpoints of a Service. The agent itself answers; no packet is
 * translated. docs/spec/service-nat.md, "Around the datapath".
 */
export interface ServiceHealthCheck {
  readonly kind: 'ServiceHealthCheck';
  readonly key: string;
  readonly family: Family;
  /** `spec.healthCheckNodePort`. */
  readonly port: Port;
  /** Addresses of this node on which NodePorts answer; only `0.0.0.0` or `::` if these are all addresses. */
  readonly addresses: readonly IpAddress[];
  readonly owner: ObjectRef;
  readonly createdAt: number;
  /** Number of ready endpoints of the family on this node that a port of the Service leads to; each address once. */
  readonly localEndpoints: number;
}

/** Address sets and settings for all packets of a family, from the node facts and the pools. */
export interface FamilyScope {
  readonly kind: 'FamilyScope';
  readonly key: string;
  readonly family: Family;
  /** Addresses that count as pods: networks, and addresses of Pods outside these networks. */
  readonly pods: AddressSet;
  /** Sources whose packets come in by this interface count as pods too; null: none. */
  readonly podInterface: InterfacePattern | null;
  readonly serviceCIDRs: AddressSet;
  /** Sources that are masqueraded on the way to a ClusterIP. */
  readonly masqueradeToClusterIP: AddressSet;
  /** Exception to `masqueradeToClusterIP`: sources whose packets come in by this interface. */
  readonly unmasqueradedInterface: InterfacePattern | null;
  /** Pods whose packets are dropped if connection tracking finds them invalid: they would pass untranslated. */
  readonly invalidDropped: AddressSet;
  /** Sources of egress NAT: pools with `natOutgoing`; with a file of ip-masq-agent, pods too. */
  readonly egressSources: AddressSet;
  /** Sources of egress NAT by their incoming interface; null: none. Only with a file of ip-masq-agent. */
  readonly egressInterface: InterfacePattern | null;
  /** Exempt destinations: all pools; by settings also nodes and the networks of ip-masq-agent's file. */
  readonly egressExempt: AddressSet;
  readonly egress: EgressScope;
  /** Destinations without the return SNAT of Pod NAT. */
  readonly podNatInternal: AddressSet;
  /** The pools of the family by address, the wider first, for explanations. */
  readonly pools: readonly PoolFact[];
}

/** Further settings of egress NAT for a family; egress-decision.ts uses them. */
export interface EgressScope {
  /** The new source of pools' packets, an address of this node; null: masquerade. */
  readonly address: IpAddress | null;
  /** Source ports of translated connections; empty: the kernel chooses. */
  readonly ports: readonly PortSpan[];
  /** Pools are translated only on such outgoing interfaces, a trailing `+` is a wildcard; null: on all. */
  readonly interfaceFilter: string | null;
  /** The narrowest of nested pools decides. */
  readonly mostSpecificWins: boolean;
  /** Node addresses among the exempt destinations, for explanations; empty without `IPPoolsAndHostIPs`. */
  readonly hosts: readonly { readonly node: string; readonly address: IpAddress }[];
  /** Sources and exempt destinations of ip-masq-agent's file; null without one. */
  readonly ipMasqAgent: { readonly sources: AddressSet; readonly exempt: AddressSet } | null;
}

/** What egress NAT does to a packet: keep its source, replace it, or drop the packet. */
export type EgressOutcome =
  | { readonly verdict: 'keep' | 'masquerade' | 'drop' }
  | { readonly verdict: 'snat'; readonly to: IpAddress };

/** An EgressRule as it applies to one source. */
export interface EgressChoice {
  readonly rule: string;
  /** The reason that the rule gives; empty without one. */
  readonly reason: string;
  readonly to: readonly EgressDestination[] | null;
  readonly outcome: EgressOutcome;
  /**
   * Why the fallback of the rule applies; null: it does not.
   * - `address`: no address of the rule is on this node;
   * - `unknown-pod`: the pod of the source is not known, and the rule may select it.
   */
  readonly fallback: 'address' | 'unknown-pod' | null;
}

/** Destinations with one outcome; the cells of one source do not overlap. */
export interface EgressCell {
  readonly destinations: AddressRange;
  /** IANA numbers. */
  readonly protocols: PortSpan;
  /** 0 to 65535: all packets, also of protocols without ports. */
  readonly ports: PortSpan;
  readonly outcome: EgressOutcome;
}

/** Source addresses to which the same EgressRules apply. Ranges of different entries do not overlap. */
export interface EgressSource {
  readonly kind: 'EgressSource';
  readonly key: string;
  readonly family: Family;
  readonly range: AddressRange;
  /** The pod that has the address; null: addresses without a known pod. */
  readonly pod: ObjectRef | null;
  /** In the order in which they are asked. */
  readonly choices: readonly EgressChoice[];
  /** The choices with destinations, as cells in which the order does not matter. */
  readonly cells: readonly EgressCell[];
  /** The outcome of the first choice without destinations, for everything that is not exempt; null: no such choice. */
  readonly rest: EgressOutcome | null;
}

/** Ports without an owner, sorted, by protocol. */
export type FreePorts = Readonly<Record<Protocol, readonly PortSpan[]>>;

/** The source ports that translated connections of a family may have. docs/adr/0009-source-ports.md. */
export interface SourcePorts {
  readonly kind: 'SourcePorts';
  readonly key: string;
  readonly family: Family;
  readonly any: FreePorts;
  /** For egress NAT, from natPortRange; null: not set, so `any` is used. Without egress NAT there are none. */
  readonly egress: FreePorts | null;
}

export type PlanEntry =
  | ServiceFrontend
  | PodBinding
  | PodReservation
  | PodSource
  | PodSourcePort
  | ClusterAddress
  | ServiceHealthCheck
  | FamilyScope
  | SourcePorts
  | EgressSource;

export function endpointAt({ tuple, endpoint }: PodBinding, { port }: Pick<Tuple, 'port'>): Endpoint {
  return { address: endpoint.address, port: portBehind(endpoint.port, port - tuple.port) };
}

/** The new source of packets from a port of the pod. */
export function sourceEndpointAt({ tuple, snat }: PodSourcePort, { port }: Pick<Tuple, 'port'>): Endpoint {
  return { address: snat.address, port: portBehind(snat.port, port - tuple.port) };
}

/** The port at this distance. Throws RangeError if there is none, which parsers prevent. */
export function portBehind(first: Port, offset: number): Port {
  const port = parsePort(first + offset);
  if (port === null) throw new RangeError(`port ${first + offset}: the parser admits no such range`);
  return port;
}
