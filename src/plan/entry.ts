import type { ObjectRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { formatEndpoint, type IpAddress, parseAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { type Port, parsePort } from '../net/port.ts';
import { type Protocol, parseProtocol } from '../net/protocol.ts';
import type { AddressSet } from '../net/ranges.ts';

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
 * Whose source address is rewritten on the way to an endpoint (specs/service-proxy.md, "Frontends"); a hairpin
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

/** A node address and port that goes straight to one pod. specs/pod-nat.md. */
export interface PodBinding {
  readonly kind: 'PodBinding';
  readonly key: string;
  readonly tuple: Tuple;
  readonly owner: ObjectRef;
  readonly createdAt: number;
  readonly uid: string;
  readonly endpoint: Endpoint;
  /** Sources that may use the binding; null: all. Others are dropped. */
  readonly sourceRanges: AddressSet | null;
}

/** What a bound pod starts towards the outside leaves with this address. */
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

/** What holds for all packets of a family: the address sets that come from the node facts and the pools. */
export interface FamilyScope {
  readonly kind: 'FamilyScope';
  readonly key: string;
  readonly family: Family;
  /** What is a pod. */
  readonly pods: AddressSet;
  readonly serviceCIDRs: AddressSet;
  /** Sources that are masqueraded on the way to a ClusterIP. */
  readonly masqueradeToClusterIP: AddressSet;
  /** Sources of pools with `natOutgoing`. */
  readonly egressSources: AddressSet;
  /** Destinations that egress NAT leaves alone: all pools. */
  readonly egressExempt: AddressSet;
  /** Destinations that the return SNAT of Pod NAT leaves alone. */
  readonly podNatInternal: AddressSet;
  /** The pools of the family by name, for explanations. */
  readonly pools: readonly PoolFact[];
}

export type PlanEntry = ServiceFrontend | PodBinding | PodSource | ClusterAddress | FamilyScope;

/** `address:port/PROTOCOL`, IPv6 in brackets: the key of frontends and bindings, and how people read them. */
export function tupleKey(tuple: Tuple): string {
  return `${formatEndpoint(tuple.address, tuple.port)}/${tuple.protocol}`;
}

/** The tuple that a key of a frontend or binding names; null for keys of other entries. */
export function parseTupleKey(key: string): Tuple | null {
  const parts = /^(?:\[(.+)\]|([^[\]]+)):(\d+)\/([A-Z]+)$/.exec(key);
  if (parts === null) return null;
  const address = parseAddress(parts[1] ?? parts[2] ?? '');
  const port = parsePort(Number(parts[3]));
  const protocol = parseProtocol(parts[4] ?? '');
  return address === null || port === null || protocol === null ? null : { address, protocol, port };
}

export function podSourceKey(address: IpAddress, protocol: Protocol): string {
  return `from ${address}/${protocol}`;
}

export function clusterAddressKey(address: IpAddress): string {
  return `cluster-ip ${address}`;
}

export function scopeKey(family: Family): string {
  return `scope ${family}`;
}
