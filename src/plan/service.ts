import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { firstFew } from '../model/first-few.ts';
import type { NodeFacts } from '../model/node.ts';
import type { ObjectRef } from '../model/object.ts';
import type { ServiceFact, ServicePortFact } from '../model/service.ts';
import { addressFromNumber, familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import { formatPrefix, hostPrefix, type Prefix, prefixContains, prefixSet } from '../net/prefix.ts';
import { type AddressSet, blockCount, complementOf, lowestBlocks } from '../net/ranges.ts';
import { isLoopback, LINK_LOCAL } from '../net/special-address.ts';
import { chooseEndpoints, type EndpointChoice, MOST_ENDPOINTS } from './endpoints.ts';
import type {
  ClusterAddress,
  Endpoint,
  FrontendOrigin,
  ServiceFrontend,
  ServiceHealthCheck,
} from './entry.ts';
import { clusterAddressKey, healthCheckKey, tupleKey } from './entry-key.ts';
import { emptyFragment, type Fragment, type Notice } from './fragment.ts';
import { defaultPlanOptions, type PlanOptions } from './options.ts';

const none: readonly Endpoint[] = Object.freeze([]);

const NO_RANGE =
  'no entry of loadBalancerSourceRanges can be used: nobody may use the addresses of the load balancer; write CIDRs of the families of the Service';

/**
 * What one Service wants: a frontend for each address and port, its ClusterIPs, and where its health is asked for.
 * docs/spec/service-nat.md, "Frontends". `slices` are those of this Service, in order of their names.
 */
export function serviceFragment(
  service: ServiceFact,
  slices: readonly EndpointSliceFact[],
  node: NodeFacts,
  { externalIPs: served, sizes }: Pick<PlanOptions, 'externalIPs' | 'sizes'> = defaultPlanOptions,
): Fragment {
  if (service.notOurs !== null) return emptyFragment;
  const owner: ObjectRef = { kind: 'Service', namespace: service.namespace, name: service.name };
  const entries: ServiceEntry[] = [];
  const notices: Notice[] = [];
  for (const address of service.clusterIPs) {
    const { createdAt } = service;
    entries.push({ kind: 'ClusterAddress', key: clusterAddressKey(address), address, owner, createdAt });
  }
  const isOurs = (address: IpAddress) => mayFront(service, address);
  const loadBalancerIPs = service.loadBalancerIPs.filter(isOurs);
  // An address that is both is a load balancer's: its source ranges hold.
  const wantedIPs = service.externalIPs.filter(
    (address) => isOurs(address) && !loadBalancerIPs.includes(address),
  );
  const externalIPs = wantedIPs.filter((address) => isServedExternalIP(served, address));
  if (externalIPs.length < wantedIPs.length) {
    const refused = wantedIPs.filter((address) => !externalIPs.includes(address));
    notices.push({ reason: 'NatRestricted', object: owner, message: refusedExternalIPs(refused, served) });
  }
  if (service.loadBalancerSourceRanges !== null && loadBalancerIPs.length > 0 && !hasUsableRange(service)) {
    notices.push({ reason: 'NatInvalid', object: owner, message: NO_RANGE });
  }
  const sources = new Map<Family, AddressSet | null>();
  for (const family of new Set(loadBalancerIPs.map(familyOf))) {
    const wanted = loadBalancerSources(service, family, node);
    const kept = wanted === null ? null : lowestBlocks(wanted, sizes.networksPerList);
    sources.set(family, kept);
    if (wanted === null || kept === null || kept === wanted) continue;
    notices.push({ reason: 'NatInvalid', object: owner, message: tooLong(wanted, sizes.networksPerList) });
  }
  const nodePortAddresses = addressesForNodePorts(node);
  const localReady = new Map<Family, Set<IpAddress>>(FAMILIES.map((family) => [family, new Set()]));
  const countsLocalReady = service.healthCheckNodePort !== null;
  for (const port of service.ports) {
    const choices = new Map<Family, EndpointChoice>();
    const choiceOf = (family: Family): EndpointChoice => {
      let choice = choices.get(family);
      if (choice === undefined) {
        choice = chooseEndpoints(slices, port, family, node);
        choices.set(family, choice);
      }
      return choice;
    };
    const add = (origin: FrontendOrigin, address: IpAddress, number: Port) => {
      entries.push(
        frontend(service, owner, port, origin, address, number, choiceOf(familyOf(address)), {
          sourceRanges: origin === 'LoadBalancer' ? (sources.get(familyOf(address)) ?? null) : null,
        }),
      );
    };
    for (const address of service.clusterIPs) add('ClusterIP', address, port.port);
    for (const address of externalIPs) add('ExternalIP', address, port.port);
    for (const address of loadBalancerIPs) add('LoadBalancer', address, port.port);
    if (port.nodePort !== null) {
      for (const address of nodePortAddresses) {
        if (hasFamily(service, familyOf(address))) add('NodePort', address, port.nodePort);
      }
    }
    for (const [family, { leftOut }] of choices) {
      if (leftOut === 0) continue;
      const name = port.name === '' ? `${port.port}/${port.protocol}` : port.name;
      const message = `port ${name} has ${MOST_ENDPOINTS + leftOut} usable endpoints of ${family}; ${MOST_ENDPOINTS} are used, those of the lowest addresses`;
      notices.push({ reason: 'NatInvalid', object: owner, message });
    }
    if (!countsLocalReady) continue;
    for (const [family, addresses] of localReady) {
      const { local, isLocalReady } = choiceOf(family);
      if (isLocalReady) for (const { address } of local) addresses.add(address);
    }
  }
  entries.push(...healthChecks(service, owner, localReady, node));
  // A copy has no spare room.
  return { entries: restricted(entries), notices: notices.length === 0 ? emptyFragment.notices : notices };
}

/** The addresses of a Service that another proxy serves by its label; none of one that is ours or has no addresses. */
export function addressesOfOthers(service: ServiceFact): readonly IpAddress[] {
  const { notOurs, clusterIPs, externalIPs, loadBalancerIPs } = service;
  return notOurs?.kind === 'label' ? [...clusterIPs, ...externalIPs, ...loadBalancerIPs] : [];
}

/** True when an address may be served as one of `externalIPs`; null: all may. */
export function isServedExternalIP(served: PlanOptions['externalIPs'], address: IpAddress): boolean {
  return served === null || served.some((prefix) => prefixContains(prefix, address));
}

/** Addresses that a notice names; more are only counted. */
const NAMED = 5;

function refusedExternalIPs(refused: readonly IpAddress[], served: PlanOptions['externalIPs']): string {
  const which = served === null || served.length === 0 ? 'none' : served.map(formatPrefix).join(', ');
  return `externalIPs ${firstFew(refused, NAMED)}: not served, --external-ips allows ${which}`;
}

type ServiceEntry = ServiceFrontend | ClusterAddress | ServiceHealthCheck;

/**
 * Where an address of the load balancer is the Service's by another field too (its ClusterIP, a node's address with the
 * same port), who may use it stays restricted, whichever of the frontends wins.
 */
function restricted(entries: readonly ServiceEntry[]): readonly ServiceEntry[] {
  const ranges = new Map<string, AddressSet>();
  for (const entry of entries) {
    if (entry.kind === 'ServiceFrontend' && entry.sourceRanges !== null)
      ranges.set(entry.key, entry.sourceRanges);
  }
  if (ranges.size === 0) return entries.slice();
  return entries.map((entry) => {
    const sourceRanges = ranges.get(entry.key);
    return entry.kind === 'ServiceFrontend' && sourceRanges !== undefined
      ? { ...entry, sourceRanges }
      : entry;
  });
}

/** The node addresses on which NodePorts answer: local addresses in `nodePortAddresses`, never loopback. */
export function addressesForNodePorts(node: NodeFacts): readonly IpAddress[] {
  const { nodePortAddresses } = node;
  if (nodePortAddresses === null) return node.nodeIPs;
  const local = new Set(node.localAddresses.map(({ address }) => address));
  return [...local].filter(
    (address) => !isLoopback(address) && nodePortAddresses.some((prefix) => prefixContains(prefix, address)),
  );
}

/**
 * Traffic policy Local only: with policy Cluster every node serves, and there is nothing to ask for.
 *
 * @param localReady addresses of ready endpoints on this node that a port of the Service leads to
 */
function healthChecks(
  service: ServiceFact,
  owner: ObjectRef,
  localReady: ReadonlyMap<Family, ReadonlySet<IpAddress>>,
  node: NodeFacts,
): ServiceHealthCheck[] {
  const { healthCheckNodePort: port, externalTrafficPolicy, createdAt } = service;
  if (port === null || externalTrafficPolicy !== 'Local') return [];
  return FAMILIES.filter((family) => hasFamily(service, family)).map((family) => ({
    kind: 'ServiceHealthCheck',
    key: healthCheckKey(family, port),
    family,
    port,
    addresses: addressesForHealthChecks(node, family),
    owner,
    createdAt,
    localEndpoints: localReady.get(family)?.size ?? 0,
  }));
}

/**
 * Where NodePorts answer; where that is every address, the one that stands for all of them: a load balancer may ask at
 * an address that is local by a route alone, which no interface bears.
 */
function addressesForHealthChecks(node: NodeFacts, family: Family): readonly IpAddress[] {
  const wanted = prefixSet(family, node.nodePortAddresses ?? []);
  if (complementOf(wanted).ranges.length === 0) return [addressFromNumber(family, 0n)];
  return addressesForNodePorts(node).filter(
    (address) => familyOf(address) === family && !prefixContains(LINK_LOCAL.IPv6, address),
  );
}

function frontend(
  service: ServiceFact,
  owner: ObjectRef,
  port: ServicePortFact,
  origin: FrontendOrigin,
  address: IpAddress,
  number: Port,
  choice: EndpointChoice,
  { sourceRanges }: Pick<ServiceFrontend, 'sourceRanges'>,
): ServiceFrontend {
  const tuple = { address, protocol: port.protocol, port: number };
  const internal = origin === 'ClusterIP';
  const local = (internal ? service.internalTrafficPolicy : service.externalTrafficPolicy) === 'Local';
  const endpoints = internal && local ? choice.local : choice.cluster;
  const localEndpoints = !internal && local ? choice.local : null;
  return {
    kind: 'ServiceFrontend',
    key: tupleKey(tuple),
    tuple,
    origin,
    owner,
    createdAt: service.createdAt,
    portName: port.name,
    endpoints,
    localEndpoints,
    retained: port.protocol === 'UDP' ? retained(choice, endpoints, localEndpoints) : none,
    masquerade: internal ? 'cluster-ip' : local ? 'node-sources' : 'always',
    unserved: local && choice.cluster.length > 0 ? 'drop' : 'reject',
    sourceRanges,
    affinityTimeoutSeconds: service.affinityTimeoutSeconds,
  };
}

function retained(
  { serving }: EndpointChoice,
  endpoints: readonly Endpoint[],
  localEndpoints: readonly Endpoint[] | null,
): readonly Endpoint[] {
  if (serving === endpoints) return none;
  const used = new Set([...endpoints, ...(localEndpoints ?? [])]);
  const others = serving.filter((endpoint) => !used.has(endpoint));
  return others.length === 0 ? none : others;
}

/**
 * Who may use a load-balancer address; null: everyone. Entries of the other family do not count, and a Service of both
 * families that restricts one of them leaves the other open, as kube-proxy does; but where no entry is of any family of
 * the Service, nobody may. Where a range holds the node's own address, the Service's load-balancer
 * addresses are allowed as sources too (a node that bears a VIP and dials it has it as source).
 */
function loadBalancerSources(service: ServiceFact, family: Family, node: NodeFacts): AddressSet | null {
  if (service.loadBalancerSourceRanges === null) return null;
  const prefixes = service.loadBalancerSourceRanges.filter((prefix) => prefix.family === family);
  if (prefixes.length === 0 && hasUsableRange(service)) return null;
  const holdsNode = (prefix: Prefix) => node.nodeIPs.some((nodeIP) => prefixContains(prefix, nodeIP));
  if (!prefixes.some(holdsNode)) return prefixSet(family, prefixes);
  return prefixSet(family, [...prefixes, ...service.loadBalancerIPs.map(hostPrefix)]);
}

function tooLong(wanted: AddressSet, most: number): string {
  return (
    `loadBalancerSourceRanges has ${blockCount(wanted)} networks of ${wanted.family}, and ${most} have room ` +
    '(--max-source-networks-per-list): those of the lowest addresses may use the Service, all others may not; name wider networks'
  );
}

/** An entry of loadBalancerSourceRanges is of a family that the Service has. */
function hasUsableRange(service: ServiceFact): boolean {
  const { clusterIPs, loadBalancerIPs, loadBalancerSourceRanges } = service;
  const own = (clusterIPs.length === 0 ? loadBalancerIPs : clusterIPs).map(familyOf);
  return (loadBalancerSourceRanges ?? []).some(({ family }) => own.includes(family));
}

/**
 * An external address counts in the families of the Service: a load balancer may well have one of another family, and
 * lead it to the Service by itself. One without ClusterIPs, as only manifests have it, says nothing of its families.
 */
function mayFront(service: ServiceFact, address: IpAddress): boolean {
  return service.clusterIPs.length === 0 || hasFamily(service, familyOf(address));
}

/** NodePorts answer in the families of the Service; one without ClusterIPs has none that we could know. */
function hasFamily(service: ServiceFact, family: Family): boolean {
  return service.clusterIPs.some((address) => familyOf(address) === family);
}
