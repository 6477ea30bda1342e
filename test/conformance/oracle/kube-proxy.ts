import { type Address, address, hostPort, inCidr } from './addresses.ts';
import { type Backend, backendsOf, choose } from './endpoints.ts';
import {
  clusterIPOf,
  externalPolicyLocal,
  type Frontend,
  frontendsAt,
  isLocalAddress,
  isOthers,
  isProxied,
  primaryAddress,
  sourceRangesOf,
  vipsOf,
} from './frontends.ts';
import type { Answer, EndpointSlice, Flow, NodeConfig, Service } from './manifests.ts';

/** The decision about a packet: where it may go, and whether its source is masqueraded to all of these. */
export interface Decision {
  readonly verdict: 'dnat' | 'reject' | 'drop' | 'none';
  readonly backends: readonly Backend[];
  /** Hairpin aside, which each backend has by itself. */
  readonly masq: boolean;
}

/**
 * What kube-proxy 1.36 in nftables mode does to the first packet of a connection, computed from
 * the specification and from its source in the slow and obvious way, object by object, without a plan.
 * `undefined` where it promises nothing (contradicting entries for one endpoint), so that nothing can be compared.
 */
export function kubeProxy(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  node: NodeConfig,
  flow: Flow,
): Answer | undefined {
  const decision = decide(services, slices, node, flow);
  if (decision === undefined) {
    return undefined;
  }
  const { verdict, backends, masq } = decision;
  const source = address(flow.sourceIP)?.value;
  return {
    verdict,
    endpoints: backends.map((backend) => hostPort(backend.at, backend.port)).sort(),
    // An endpoint that reaches itself is masqueraded, since the reply must come back over the node.
    masq: masq || backends.some((backend) => backend.at.value === source),
  };
}

/** As `kubeProxy`, with the backends as they are. */
export function decide(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  node: NodeConfig,
  flow: Flow,
): Decision | undefined {
  const source = address(flow.sourceIP);
  const destination = address(flow.destIP);
  if (source === undefined || destination === undefined || source.family !== destination.family) {
    return undefined;
  }
  const met = services.flatMap((service) =>
    frontendsAt(service, destination, flow.protocol, flow.destPort, node),
  );
  const frontend = winner(met);
  if (frontend === undefined) {
    return unlisted(services, node, destination);
  }
  if (isRefusedBySourceRanges(met, frontend, source, destination, node)) {
    return DROP;
  }
  return through(frontend, slices, node, source);
}

const NONE: Decision = { verdict: 'none', backends: [], masq: false };
const DROP: Decision = { verdict: 'drop', backends: [], masq: false };
const REJECT: Decision = { verdict: 'reject', backends: [], masq: false };

/**
 * A known ClusterIP refuses its other ports; the rest of a service CIDR is silent, but for addresses of Services that
 * another proxy serves: these are left to it, where kube-proxy drops them.
 */
function unlisted(services: readonly Service[], node: NodeConfig, destination: Address): Decision {
  const known = services.some(
    (service) =>
      isProxied(service) &&
      (service.spec.ports ?? []).length > 0 &&
      clusterIPOf(service, destination.family)?.value === destination.value,
  );
  if (known) {
    return REJECT;
  }
  if (services.some((service) => isOthers(service) && addressesOf(service).includes(destination.text))) {
    return NONE;
  }
  return node.serviceCIDRs.some((cidr) => inCidr(cidr, destination)) ? DROP : NONE;
}

function addressesOf({ spec, status }: Service): readonly (string | undefined)[] {
  const { clusterIP, clusterIPs = [clusterIP ?? ''], externalIPs = [] } = spec;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return [...clusterIPs, ...externalIPs, ...ingress.map(({ ip }) => ip)].map((text) => address(text)?.text);
}

/** The Service that holds a tuple which several claim: the older, then by name; of its own frontends the internal one. */
function winner(met: readonly Frontend[]): Frontend | undefined {
  const order: readonly Frontend['kind'][] = ['ClusterIP', 'externalIP', 'loadBalancerVIP', 'nodePort'];
  const age = (frontend: Frontend) => frontend.service.metadata.creationTimestamp ?? '';
  const name = (frontend: Frontend) =>
    `${frontend.service.metadata.namespace ?? 'default'}/${frontend.service.metadata.name}`;
  return [...met].sort(
    (one, other) =>
      compare(age(one), age(other)) ||
      compare(name(one), name(other)) ||
      order.indexOf(one.kind) - order.indexOf(other.kind),
  )[0];
}

function isRefusedBySourceRanges(
  met: readonly Frontend[],
  holder: Frontend,
  source: Address,
  destination: Address,
  node: NodeConfig,
): boolean {
  const guarded = met.some((one) => one.kind === 'loadBalancerVIP' && one.service === holder.service);
  const ranges = sourceRangesOf(holder.service, destination.family);
  if (!guarded || isUnrestricted(holder.service, ranges) || ranges.some((range) => inCidr(range, source))) {
    return false;
  }
  // A node that holds the VIP as an address of its own sends from the VIP.
  const primary = primaryAddress(destination.family, node);
  const nodeAllowed = primary !== undefined && ranges.some((range) => inCidr(range, primary));
  return !(nodeAllowed && vipsOf(holder.service).some((vip) => address(vip)?.text === source.text));
}

/**
 * No entry is written, or one is of another family that the Service has too. A list without any entry that the Service
 * can use admits no source.
 */
function isUnrestricted(service: Service, ranges: readonly string[]): boolean {
  if (ranges.length > 0) {
    return false;
  }
  if ((service.spec.loadBalancerSourceRanges ?? []).length === 0) {
    return true;
  }
  return (['IPv4', 'IPv6'] as const).some(
    (family) => sourceRangesOf(service, family).length > 0 && clusterIPOf(service, family) !== undefined,
  );
}

function through(
  { kind, service, port, family }: Frontend,
  slices: readonly EndpointSlice[],
  node: NodeConfig,
  source: Address,
): Decision | undefined {
  const identity = {
    namespace: service.metadata.namespace ?? 'default',
    service: service.metadata.name,
    name: port.name ?? '',
    protocol: port.protocol ?? 'TCP',
  };
  const backends = backendsOf(identity, family, slices, node);
  if (backends === undefined) {
    return undefined;
  }
  const { cluster, local, anywhere } = choose(backends, node);
  if (!anywhere) {
    return REJECT;
  }
  const podRanges = node.podCIDRs.filter((cidr) => address(cidr.split('/')[0])?.family === family);
  const isPod = podRanges.some((cidr) => inCidr(cidr, source));
  if (kind === 'ClusterIP') {
    const foreign = podRanges.length > 0 && !isPod;
    const used = service.spec.internalTrafficPolicy === 'Local' ? local : cluster;
    return translated(used, node.masqueradeAll || foreign);
  }
  if (!externalPolicyLocal(service)) {
    return translated(cluster, true);
  }
  if (isPod) {
    return translated(cluster, false);
  }
  return isLocalAddress(source, node) ? translated(cluster, true) : translated(local, false);
}

function translated(backends: readonly Backend[], masq: boolean): Decision {
  return backends.length === 0 ? DROP : { verdict: 'dnat', backends, masq };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
