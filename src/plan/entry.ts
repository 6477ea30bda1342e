import type { EgressDestination } from '../model/egress-rule.ts';
import type { InterfacePattern } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Port, type PortSpan, parsePort } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { AddressRange, AddressSet } from '../net/ranges.ts';

/** Where a packet is sent to: what a frontend or a binding claims for itself. */
export interface Tuple {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** Where a translated packet goes. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: Port;
}

/** Which field of a Service a frontend comes from. */
export type FrontendOrigin = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer';

/**
 * Whose source address is rewritten on the way to an endpoint (docs/spec/service-nat.md, "Frontends"); a hairpin
 * connection is masqueraded whatever stands here.
 * - `always`: everyone's.
 * - `cluster-ip`: of the sources in the scope's `masqueradeToClusterIP`.
 * - `node-sources`: of this node's own addresses only.
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
  /** Sorted, without duplicates. With `localEndpoints` set: what pods and this node itself may reach. */
  readonly endpoints: readonly Endpoint[];
  /** External traffic policy Local: what all other sources may reach. Null with policy Cluster. */
  readonly localEndpoints: readonly Endpoint[] | null;
  /**
   * UDP: endpoints that still serve but get no new flows here, since they terminate or by policy or hints; the flows
   * that they have go on. Sorted; empty for other protocols, whose connections go on anyway.
   */
  readonly retained: readonly Endpoint[];
  readonly masquerade: MasqueradeRule;
  /** What a source gets for which there is no endpoint. */
  readonly unserved: 'reject' | 'drop';
  /** `loadBalancerSourceRanges` of the family; null: no restriction. Other sources are dropped. */
  readonly sourceRanges: AddressSet | null;
  /** Session affinity ClientIP in seconds; null for none. */
  readonly affinityTimeoutSeconds: number | null;
}

/** Ports of a node address and ports of one pod, as many of both, the first to the first. */
interface PodPorts {
  readonly key: string;
  /** The first port: on the node, or of the pod with `PodSourcePort`. */
  readonly tuple: Tuple;
  /** 1 for a single port. */
  readonly portCount: number;
  /** Of the pod: its first port. */
  readonly endpoint: Endpoint;
  readonly owner: ObjectRef;
  readonly createdAt: number;
  readonly uid: string;
  /** Place of the entry in the annotation: of two entries of one Pod the first has what both name. */
  readonly order: number;
}

/** Node ports that go straight to one pod. docs/spec/pod-nat.md. */
export interface PodBinding extends PodPorts {
  readonly kind: 'PodBinding';
  /** Sources that may use the binding; null: all. Others are dropped. */
  readonly sourceRanges: AddressSet | null;
  /** What the pod starts from its ports leaves from those of the node. */
  readonly egress: boolean;
}

/** What will be a binding once its pod is Ready: nothing comes in, but what the pod starts leaves from these ports. */
export interface PodReservation extends PodPorts {
  readonly kind: 'PodReservation';
}

/**
 * What a pod starts from these ports leaves from those of its own binding. Made from the bindings that won their claim,
 * so that no pod sends from what belongs to another.
 */
export interface PodSourcePort extends Omit<PodPorts, 'endpoint'> {
  readonly kind: 'PodSourcePort';
  /** The new source address, and the port that the first port becomes. */
  readonly snat: Endpoint;
}

/**
 * What a bound pod starts towards the outside leaves with this address: from ports that no `PodSourcePort` names, with
 * one that nobody owns.
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
 * Where load balancers ask whether this node has endpoints of a Service, one for each family of it. No packet is
 * translated for it: the agent itself answers there. docs/spec/service-nat.md, "Around the datapath".
 */
export interface ServiceHealthCheck {
  readonly kind: 'ServiceHealthCheck';
  readonly key: string;
  readonly family: Family;
  /** `spec.healthCheckNodePort`. */
  readonly port: Port;
  /** The addresses of this node on which NodePorts answer; `0.0.0.0` or `::` alone where that is all of them. */
  readonly addresses: readonly IpAddress[];
  readonly owner: ObjectRef;
  readonly createdAt: number;
  /** Endpoints of the family that are ready, on this node, and reached by a port of the Service; each address once. */
  readonly localEndpoints: number;
}

/** What holds for all packets of a family: the address sets that come from the node facts and the pools. */
export interface FamilyScope {
  readonly kind: 'FamilyScope';
  readonly key: string;
  readonly family: Family;
  /** What is a pod: networks, and the addresses of Pods that lie in none of them. */
  readonly pods: AddressSet;
  /** Pods too: sources whose packets come in by it. */
  readonly podInterface: InterfacePattern | null;
  readonly serviceCIDRs: AddressSet;
  /** Sources that are masqueraded on the way to a ClusterIP. */
  readonly masqueradeToClusterIP: AddressSet;
  /** Of these sources not masqueraded: those whose packets come in by it. */
  readonly unmasqueradedInterface: InterfacePattern | null;
  /** Pods whose packets are dropped where connection tracking cannot place them: they would pass untranslated. */
  readonly invalidDropped: AddressSet;
  /** Sources of pools with `natOutgoing`, and pods where a file of ip-masq-agent is read. */
  readonly egressSources: AddressSet;
  /** Sources too: those whose packets come in by it, with a file of ip-masq-agent where an interface tells pods. */
  readonly egressInterface: InterfacePattern | null;
  /** Destinations that egress NAT leaves alone: all pools; nodes and the networks of ip-masq-agent where asked for. */
  readonly egressExempt: AddressSet;
  readonly egress: EgressScope;
  /** Destinations that the return SNAT of Pod NAT leaves alone. */
  readonly podNatInternal: AddressSet;
  /** The pools of the family by address, the wider first, for explanations. */
  readonly pools: readonly PoolFact[];
}

/** The rest of what decides about egress NAT in a family. egress-decision.ts tells how. */
export interface EgressScope {
  /** What pools are NATed to instead of masquerading; an address of this node. */
  readonly address: IpAddress | null;
  /** Source ports of translated connections; empty: the kernel chooses. */
  readonly ports: readonly PortSpan[];
  /** Pools are NATed from only out of such an interface, a trailing `+` is a wildcard; null: all. */
  readonly interfaceFilter: string | null;
  /** Of nested pools the narrowest decides. */
  readonly mostSpecificWins: boolean;
  /** Node addresses among the exempt destinations, for explanations; empty without `IPPoolsAndHostIPs`. */
  readonly hosts: readonly { readonly node: string; readonly address: IpAddress }[];
  /** What ip-masq-agent's file adds; null without one. */
  readonly ipMasqAgent: { readonly sources: AddressSet; readonly exempt: AddressSet } | null;
}

/** What becomes of a packet's source. */
export type EgressOutcome =
  | { readonly verdict: 'keep' | 'masquerade' | 'drop' }
  | { readonly verdict: 'snat'; readonly to: IpAddress };

/** An EgressRule, as it is for one source. */
export interface EgressChoice {
  readonly rule: string;
  /** The reason that the rule gives; empty without one. */
  readonly reason: string;
  /** Destinations of the source's family; null: what leaves all pools. */
  readonly to: readonly EgressDestination[] | null;
  readonly outcome: EgressOutcome;
  /**
   * Why the outcome is not what the rule asks for first.
   * - `address`: no address of the rule is on this node;
   * - `unknown-pod`: which pod it is, if any, is not known, so that it may be one that the rule selects.
   */
  readonly fallback: 'address' | 'unknown-pod' | null;
}

/** Destinations for which a rule decides; those of one source do not overlap. */
export interface EgressCell {
  readonly destinations: AddressRange;
  /** IANA numbers. */
  readonly protocols: PortSpan;
  /** 0 to 65535: all, those of protocols without ports too. */
  readonly ports: PortSpan;
  readonly outcome: EgressOutcome;
}

/** Source addresses that EgressRules speak of, all in the same way. Those of different entries do not overlap. */
export interface EgressSource {
  readonly kind: 'EgressSource';
  readonly key: string;
  readonly family: Family;
  readonly range: AddressRange;
  /** The pod that has the address; null: all of the range that are no known pod's. */
  readonly pod: ObjectRef | null;
  /** In the order in which they are asked. */
  readonly choices: readonly EgressChoice[];
  /** The choices with destinations of their own, so arranged that order means nothing any more. */
  readonly cells: readonly EgressCell[];
  /** What the first choice without destinations says about all that is not exempt; null: nothing. */
  readonly rest: EgressOutcome | null;
}

/** Ports that nobody owns, sorted, by protocol. */
export type FreePorts = Readonly<Record<Protocol, readonly PortSpan[]>>;

/** The source ports that translated connections of a family may have. docs/adr/0009-source-ports.md. */
export interface SourcePorts {
  readonly kind: 'SourcePorts';
  readonly key: string;
  readonly family: Family;
  readonly any: FreePorts;
  /** Of natPortRange, for egress NAT; null: not set, as all others. Without egress NAT none. */
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

/** Where a binding sends one of its ports. */
export function endpointAt({ tuple, endpoint }: PodBinding, { port }: Pick<Tuple, 'port'>): Endpoint {
  return { address: endpoint.address, port: portBehind(endpoint.port, port - tuple.port) };
}

/** What a pod's own port becomes. */
export function sourceEndpointAt({ tuple, snat }: PodSourcePort, { port }: Pick<Tuple, 'port'>): Endpoint {
  return { address: snat.address, port: portBehind(snat.port, port - tuple.port) };
}

/** The port so many behind this one. Throws RangeError where there is none: no parser admits such a range. */
export function portBehind(first: Port, offset: number): Port {
  const port = parsePort(first + offset);
  if (port === null) throw new RangeError(`port ${first + offset}: the parser admits no such range`);
  return port;
}
