import { type Address, address, type Family, familyOfCidr, hostPort, inCidr } from './addresses.ts';
import { isLocalAddress } from './frontends.ts';
import { decide } from './kube-proxy.ts';
import type { EndpointSlice, Flow, NodeConfig, Service } from './manifests.ts';

export interface IPPool {
  readonly apiVersion: string;
  readonly kind: 'IPPool';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly cidr: string;
    readonly natOutgoing?: boolean;
    readonly disabled?: boolean;
    readonly blockSize?: number;
    readonly ipipMode?: string;
    readonly vxlanMode?: string;
    readonly allowedUses?: readonly string[];
    readonly [other: string]: unknown;
  };
}

export interface FelixConfiguration {
  readonly apiVersion: string;
  readonly kind: 'FelixConfiguration';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly natOutgoingExclusions?: string;
    readonly natOutgoingAddress?: string;
    readonly [other: string]: unknown;
  };
}

/** The input of the egress decision besides the Services. */
export interface EgressObjects {
  readonly pools: readonly IPPool[];
  readonly felix: readonly FelixConfiguration[];
  /** Addresses of every Node, this one included. */
  readonly hosts: readonly string[];
}

export interface EgressAnswer {
  readonly verdict: string;
  readonly endpoints: readonly string[];
  readonly masq: boolean;
  /** `node`, or the address; null where the source stays or the endpoints differ. */
  readonly snat: string | null;
}

/**
 * What Service NAT and natOutgoing together do to the first packet of a connection, by the specification: the
 * source is translated if it is in a pool with natOutgoing and the destination is in no pool. `undefined` as with
 * `kubeProxy`.
 */
export function natOutgoing(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  node: NodeConfig,
  objects: EgressObjects,
  flow: Flow,
): EgressAnswer | undefined {
  const decision = decide(services, slices, node, flow);
  const source = address(flow.sourceIP);
  const destination = address(flow.destIP);
  if (decision === undefined || source === undefined || destination === undefined) {
    return undefined;
  }
  const { verdict, backends, masq } = decision;
  if (verdict === 'none') {
    const snat = egress(source, destination, node, objects);
    return { verdict: snat === null ? 'none' : 'snat', endpoints: [], masq: snat !== null, snat };
  }
  const becomes = backends.map(({ at }) =>
    masq || at.value === source.value ? 'node' : egress(source, at, node, objects),
  );
  const [first = null] = becomes;
  return {
    verdict,
    endpoints: backends.map(({ at, port }) => hostPort(at, port)).sort(),
    masq: becomes.some((one) => one !== null),
    snat: becomes.every((one) => one === first) ? first : null,
  };
}

/**
 * The pod networks of pools: those that assign addresses to pods. Disabled pools are networks to which nothing is
 * translated.
 */
export function podRangesOf(pools: readonly IPPool[]): readonly string[] {
  return deduplicated(pools.filter(isValid))
    .filter(({ spec: { disabled = false, allowedUses = [] } }) => {
      return !disabled && (allowedUses.length === 0 || allowedUses.includes('Workload'));
    })
    .map(({ spec }) => spec.cidr);
}

/** The source's new address, or null where it stays. */
function egress(
  source: Address,
  destination: Address,
  node: NodeConfig,
  { pools, felix, hosts }: EgressObjects,
): string | null {
  const valid = deduplicated(pools.filter(isValid));
  const natFrom = valid.some(({ spec }) => spec.natOutgoing === true && inCidr(spec.cidr, source));
  const toPool = valid.some(
    ({ spec }) => inCidr(spec.cidr, destination) && !isForLoadBalancersOnly(spec.allowedUses),
  );
  const settings = felix.find(({ metadata }) => metadata.name === 'default')?.spec ?? {};
  const toHost =
    settings.natOutgoingExclusions === 'IPPoolsAndHostIPs' &&
    hosts.some((host) => address(host)?.text === destination.text);
  if (!natFrom || toPool || toHost || isLocalAddress(destination, node)) {
    return null;
  }
  const asked = address(settings.natOutgoingAddress);
  return asked?.family === source.family && isLocalAddress(asked, node) ? asked.text : 'node';
}

/** The same name in two groups is one pool, and Calico's wins; one that is invalid is as good as absent. */
function deduplicated(pools: readonly IPPool[]): readonly IPPool[] {
  const isCalico = ({ apiVersion }: IPPool) => apiVersion.includes('projectcalico.org');
  return pools.filter(
    (pool) =>
      isCalico(pool) || !pools.some((other) => isCalico(other) && other.metadata.name === pool.metadata.name),
  );
}

const BLOCKS: Readonly<Record<Family, { fallback: number; least: number; most: number }>> = {
  IPv4: { fallback: 26, least: 20, most: 32 },
  IPv6: { fallback: 122, least: 116, most: 128 },
};

/** As Calico's API server: an invalid pool is as good as absent. */
export function isValid({ spec }: IPPool): boolean {
  const { cidr, blockSize = 0, disabled = false, ipipMode = 'Never', vxlanMode = 'Never' } = spec;
  const uses = spec.allowedUses ?? [];
  const family = familyOfCidr(cidr);
  const [base, length] = cidr.split('/');
  if (family === undefined || !isMasked(base, Number(length), family)) {
    return false;
  }
  const { fallback, least, most } = BLOCKS[family];
  const block = blockSize === 0 ? fallback : blockSize;
  const isEncapsulated = ipipMode !== 'Never' || vxlanMode !== 'Never';
  return (
    block >= least &&
    block <= most &&
    (disabled || Number(length) <= block) &&
    !overlaps(cidr, family === 'IPv4' ? '169.254.0.0/16' : 'fe80::/10') &&
    !(ipipMode !== 'Never' && (family === 'IPv6' || vxlanMode !== 'Never')) &&
    !(uses.includes('LoadBalancer') && (isEncapsulated || uses.some((use) => use !== 'LoadBalancer')))
  );
}

function isForLoadBalancersOnly(uses: readonly string[] = []): boolean {
  return uses.length > 0 && uses.every((use) => use === 'LoadBalancer');
}

function isMasked(base: string | undefined, length: number, family: Family): boolean {
  const network = address(base);
  const width = family === 'IPv4' ? 32 : 128;
  return network !== undefined && length <= width && network.value % (1n << BigInt(width - length)) === 0n;
}

function overlaps(one: string, other: string): boolean {
  const [first, second] = [one, other].map((cidr) => address(cidr.split('/')[0]));
  return (second !== undefined && inCidr(one, second)) || (first !== undefined && inCidr(other, first));
}
