import type { FactChange } from '../model/facts.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { ServiceFact } from '../model/service.ts';
import { serviceOf } from '../plan/fact-store.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ReviewedChange } from './reviewed-change.ts';
import { type Claimed, claimedBy } from './service-index.ts';

/** Services that share what a change touches are looked at up to this number. */
const SERVICES_MOST = 200;

/** The Services that a change concerns: those that it changes, and those that want the same addresses and ports. */
export interface Concerned {
  readonly services: ReadonlySet<string>;
  /** What the changed objects claim, before and after. */
  readonly claims: readonly Claimed[];
  /** Only Services and their endpoints change: a packet to anything else keeps its fate. */
  readonly isServicesAlone: boolean;
}

export function concernedBy({ changes, former }: ReviewedChange, state: ClusterState): Concerned {
  const services = new Set<string>();
  const claims: Claimed[] = [];
  for (const { kind, key, fact } of [...former, ...changes]) {
    switch (kind) {
      case 'Service':
        services.add(key);
        for (const each of [fact, state.facts.of('Service').get(key)]) {
          if (each != null) claims.push(claimedBy(each));
        }
        break;
      case 'EndpointSlice':
        for (const slice of [fact, state.facts.of('EndpointSlice').get(key)]) {
          if (slice == null) continue;
          services.add(serviceOf(slice));
          const service = state.facts.of('Service').get(serviceOf(slice));
          if (service !== undefined) claims.push(claimedBy(service));
        }
        break;
      case 'Pod': {
        const pod = fact ?? state.facts.of('Pod').get(key);
        if (pod !== undefined) claims.push(claimedByPod(pod, state));
        break;
      }
      default:
    }
  }
  addNeighbours(services, claims, changes, state);
  const isServicesAlone = changes.every(({ kind }) => kind === 'Service' || kind === 'EndpointSlice');
  return { services, claims, isServicesAlone };
}

/**
 * Adds the Services that want the same as the changed objects. A ClusterIP is wanted as a whole; at another address two
 * Services meet only if they name the same port.
 */
function addNeighbours(
  services: Set<string>,
  claims: readonly Claimed[],
  changes: readonly FactChange[],
  state: ClusterState,
): void {
  const facts = state.facts.of('Service');
  const changed = [
    ...[...services].flatMap((key) => facts.get(key) ?? []),
    ...changes.flatMap(({ kind, fact }) => (kind === 'Service' && fact !== null ? [fact] : [])),
  ];
  const ports = new Set(changed.flatMap((each) => each.ports.flatMap(numbersOf)));
  const clusterIPs = new Set(changed.flatMap((each) => each.clusterIPs));
  const add = (key: string) => {
    if (services.size < SERVICES_MOST) services.add(key);
  };
  for (const { addresses, nodePorts } of [...claims, ...claimsOnNodes(changed, state)]) {
    for (const key of state.servicesAt({ addresses: [], nodePorts })) add(key);
    for (const address of addresses) {
      const isWhole = changed.length === 0 || clusterIPs.has(address);
      for (const key of state.servicesAt({ addresses: [address], nodePorts: [] })) {
        const other = facts.get(key);
        if (isWhole || other?.clusterIPs.includes(address) || sharesPort(other, ports)) add(key);
      }
    }
  }
}

/** A NodePort is a port of the nodes' addresses, which a Service may also name as external ones. */
function claimsOnNodes(changed: readonly ServiceFact[], { facts }: ClusterState): Claimed[] {
  const onNodes = changed.some(({ ports }) => ports.some(({ nodePort }) => nodePort !== null));
  const addresses = onNodes ? [...facts.of('Node').values()].flatMap((node) => node.addresses) : [];
  const isExternal = ({ externalIPs, loadBalancerIPs }: ServiceFact) =>
    externalIPs.length + loadBalancerIPs.length > 0;
  const nodePorts = changed
    .filter(isExternal)
    .flatMap(({ ports }) => ports.map(({ port }) => ({ first: port, last: port })));
  return [{ addresses: addresses.map(({ address }) => address), nodePorts }];
}

/** These Services and their endpoints, as changes that put them into a plan. */
export function* factsOfServices(services: Iterable<string>, { facts }: ClusterState): Generator<FactChange> {
  for (const key of services) {
    const fact = facts.of('Service').get(key);
    if (fact !== undefined) yield { kind: 'Service', key, fact };
    for (const slice of facts.slicesOf(key)) {
      yield { kind: 'EndpointSlice', key: objectKey(slice.namespace, slice.name), fact: slice };
    }
  }
}

/** The addresses of the Pod's node, with the ports that it wants. */
function claimedByPod({ nodeName, nat }: PodFact, state: ClusterState): Claimed {
  const addresses = state.facts.of('Node').get(nodeName)?.addresses ?? [];
  const entries = nat?.entries ?? [];
  return {
    addresses: [
      ...addresses.map(({ address }) => address),
      ...entries.flatMap(({ sourceIP }) => (sourceIP === null ? [] : [sourceIP])),
    ],
    nodePorts: entries.map(({ sourcePort, portCount }) => {
      return { first: sourcePort, last: sourcePort + portCount - 1 };
    }),
  };
}

function sharesPort(service: ServiceFact | undefined, ports: ReadonlySet<number>): boolean {
  return service?.ports.some((port) => numbersOf(port).some((number) => ports.has(number))) ?? false;
}

function numbersOf({ port, nodePort }: ServiceFact['ports'][number]): number[] {
  return nodePort === null ? [port] : [port, nodePort];
}
