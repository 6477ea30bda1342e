import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NoticeCode } from '../model/finding-codes.ts';
import type { NodeFacts } from '../model/node.ts';
import { type ObjectRef, refOf } from '../model/object.ts';
import type { ServiceFact, ServicePortFact } from '../model/service.ts';
import { firstFew } from '../model/text.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import type { AddressSet } from '../net/ranges.ts';
import { type EndpointChoice, MOST_ENDPOINTS } from './endpoints.ts';
import type { ClusterAddress, FrontendOrigin, ServiceFrontend, ServiceHealthCheck, Tuple } from './entry.ts';
import { clusterAddressKey, healthCheckKey, tupleKey } from './entry-key.ts';
import { emptyFragment, type Fragment } from './fragment.ts';
import { loadBalancerSources } from './load-balancer.ts';
import { addressesForHealthChecks, addressesForNodePorts } from './node-port-addresses.ts';
import { defaultPlanOptions, type PlanOptions } from './options.ts';
import { isLocalOnly, listsOf, PortChoices } from './service-endpoints.ts';

type ServiceEntry = ServiceFrontend | ClusterAddress | ServiceHealthCheck;

/**
 * A frontend for each address and port, the ClusterIPs, and the health checks. docs/spec/service-nat.md, "Frontends".
 * @param slices of this Service, in order of their names
 */
export function serviceFragment(
  service: ServiceFact,
  slices: readonly EndpointSliceFact[],
  node: NodeFacts,
  { externalIPs: served, sizes }: Pick<PlanOptions, 'externalIPs' | 'sizes'> = defaultPlanOptions,
): Fragment {
  if (service.notOurs !== null) return emptyFragment;
  const owner = refOf('Service', service);
  const notices: Notice[] = [];
  const note = (code: NoticeCode, message: string) => notices.push(findingOf(code, owner, message));
  const { loadBalancerIPs, externalIPs, refused } = externalAddresses(service, served);
  if (refused.length > 0) note('NatRestricted', refusedExternalIPs(refused, served));
  const sources = loadBalancerSources(service, loadBalancerIPs, node, sizes.networksPerList);
  for (const fault of sources.faults) note('NatInvalid', fault);
  const entries: ServiceEntry[] = [];
  for (const address of service.clusterIPs) {
    const key = clusterAddressKey(address);
    entries.push({ kind: 'ClusterAddress', key, address, owner, createdAt: service.createdAt });
  }
  const portChoices = service.ports.map((port) => new PortChoices(slices, port, node));
  for (const choices of portChoices) {
    const { port } = choices;
    const add = (origin: FrontendOrigin, address: IpAddress, number: Port) => {
      const family = familyOf(address);
      const sourceRanges = origin === 'LoadBalancer' ? (sources.byFamily.get(family) ?? null) : null;
      const tuple = { address, protocol: port.protocol, port: number };
      entries.push(frontend(service, owner, port.name, origin, tuple, choices.of(family), sourceRanges));
    };
    for (const address of service.clusterIPs) add('ClusterIP', address, port.port);
    for (const address of externalIPs) add('ExternalIP', address, port.port);
    for (const address of loadBalancerIPs) add('LoadBalancer', address, port.port);
    if (port.nodePort !== null) {
      for (const address of addressesForNodePorts(node)) {
        if (hasFamily(service, familyOf(address))) add('NodePort', address, port.nodePort);
      }
    }
    for (const family of FAMILIES) {
      const leftOut = choices.made(family)?.leftOut ?? 0;
      if (leftOut > 0) note('NatInvalid', tooManyEndpoints(port, family, leftOut));
    }
  }
  const { healthCheckNodePort } = service;
  if (healthCheckNodePort !== null && service.externalTrafficPolicy === 'Local') {
    entries.push(...healthChecks(service, healthCheckNodePort, owner, portChoices, node));
  }
  // A copy has no spare capacity.
  return { entries: restricted(entries), notices: notices.length === 0 ? emptyFragment.notices : notices };
}

interface ExternalAddresses {
  readonly loadBalancerIPs: readonly IpAddress[];
  readonly externalIPs: readonly IpAddress[];
  /** `externalIPs` that an administrator refuses. */
  readonly refused: readonly IpAddress[];
}

const NO_ADDRESSES: ExternalAddresses = { loadBalancerIPs: [], externalIPs: [], refused: [] };

function externalAddresses(service: ServiceFact, served: PlanOptions['externalIPs']): ExternalAddresses {
  if (service.loadBalancerIPs.length + service.externalIPs.length === 0) return NO_ADDRESSES;
  const loadBalancerIPs = service.loadBalancerIPs.filter((address) => mayFront(service, address));
  // An address that is both is a load balancer's: its source ranges apply.
  const wanted = service.externalIPs.filter(
    (address) => mayFront(service, address) && !loadBalancerIPs.includes(address),
  );
  const externalIPs = wanted.filter((address) => isServedExternalIP(served, address));
  const refused =
    externalIPs.length === wanted.length ? [] : wanted.filter((address) => !externalIPs.includes(address));
  return { loadBalancerIPs, externalIPs, refused };
}

function tooManyEndpoints(
  { name, port, protocol }: ServicePortFact,
  family: Family,
  leftOut: number,
): string {
  const which = name === '' ? `${port}/${protocol}` : name;
  return `port ${which} has ${MOST_ENDPOINTS + leftOut} usable endpoints of ${family}; ${MOST_ENDPOINTS} are used, those of the lowest addresses`;
}

/** The addresses of a Service whose label leaves it to another proxy; none for other Services. */
export function addressesOfOthers(service: ServiceFact): readonly IpAddress[] {
  const { notOurs, clusterIPs, externalIPs, loadBalancerIPs } = service;
  return notOurs?.kind === 'label' ? [...clusterIPs, ...externalIPs, ...loadBalancerIPs] : [];
}

export function isServedExternalIP(served: PlanOptions['externalIPs'], address: IpAddress): boolean {
  return served === null || served.some((prefix) => prefixContains(prefix, address));
}

/** Further addresses are only counted. */
const NAMED = 5;

function refusedExternalIPs(refused: readonly IpAddress[], served: PlanOptions['externalIPs']): string {
  const which = served === null || served.length === 0 ? 'none' : served.map(formatPrefix).join(', ');
  return `externalIPs ${firstFew(refused, NAMED)}: not served, --external-ips allows ${which}`;
}

/**
 * If a load-balancer address belongs to the Service by another field too (ClusterIP, or a node's address with the same
 * port), its source ranges apply to all frontends of the key.
 */
function restricted(entries: readonly ServiceEntry[]): readonly ServiceEntry[] {
  let ranges: Map<string, AddressSet> | null = null;
  for (const entry of entries) {
    if (entry.kind !== 'ServiceFrontend' || entry.sourceRanges === null) continue;
    ranges ??= new Map();
    ranges.set(entry.key, entry.sourceRanges);
  }
  if (ranges === null) return entries.slice();
  return entries.map((entry) => {
    const sourceRanges = ranges?.get(entry.key);
    return entry.kind === 'ServiceFrontend' && sourceRanges !== undefined
      ? { ...entry, sourceRanges }
      : entry;
  });
}

/** With traffic policy Local; with policy Cluster every node serves. Each local address counts once. */
function healthChecks(
  service: ServiceFact,
  port: Port,
  owner: ObjectRef,
  ports: readonly PortChoices[],
  node: NodeFacts,
): ServiceHealthCheck[] {
  return FAMILIES.filter((family) => hasFamily(service, family)).map((family) => {
    const ready = ports.map((choices) => choices.of(family)).filter(({ isLocalReady }) => isLocalReady);
    const local = new Set(ready.flatMap((choice) => choice.local.map(({ address }) => address)));
    return {
      kind: 'ServiceHealthCheck',
      key: healthCheckKey(family, port),
      family,
      port,
      addresses: addressesForHealthChecks(node, family),
      owner,
      createdAt: service.createdAt,
      localEndpoints: local.size,
    };
  });
}

function frontend(
  service: ServiceFact,
  owner: ObjectRef,
  portName: string,
  origin: FrontendOrigin,
  tuple: Tuple,
  choice: EndpointChoice,
  sourceRanges: AddressSet | null,
): ServiceFrontend {
  const isLocal = isLocalOnly(service, origin);
  const { endpoints, localEndpoints, retained, unserved } = listsOf(choice, origin, tuple.protocol, isLocal);
  return {
    kind: 'ServiceFrontend',
    key: tupleKey(tuple),
    tuple,
    origin,
    owner,
    createdAt: service.createdAt,
    portName,
    endpoints,
    localEndpoints,
    retained,
    masquerade: origin === 'ClusterIP' ? 'cluster-ip' : isLocal ? 'node-sources' : 'always',
    unserved,
    sourceRanges,
    affinityTimeoutSeconds: service.affinityTimeoutSeconds,
  };
}

/**
 * An external address is served only in a family of the Service: a load balancer translates between families itself. A
 * Service without ClusterIPs (possible in manifests only) has no known families.
 */
function mayFront(service: ServiceFact, address: IpAddress): boolean {
  return service.clusterIPs.length === 0 || hasFamily(service, familyOf(address));
}

function hasFamily(service: ServiceFact, family: Family): boolean {
  return service.clusterIPs.some((address) => familyOf(address) === family);
}
