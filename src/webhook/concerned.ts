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
      case 'EndpointSlice': {
        const slice = fact ?? state.facts.of('EndpointSlice').get(key);
        if (slice !== undefined) services.add(serviceOf(slice));
        break;
      }
      case 'Pod': {
        const pod = fact ?? state.facts.of('Pod').get(key);
        if (pod !== undefined) claims.push(claimedByPod(pod, state));
        break;
      }
      default:
    }
  }
  const changed = new Set(services);
  const ports = portsOf(changed, state, changes);
  for (const claimed of claims) {
    for (const key of state.servicesAt(claimed)) {
      if (services.size >= SERVICES_MOST) break;
      if (changed.size === 0 || sharesPort(state.facts.of('Service').get(key), ports)) services.add(key);
    }
  }
  const isServicesAlone = changes.every(({ kind }) => kind === 'Service' || kind === 'EndpointSlice');
  return { services, claims, isServicesAlone };
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

function portsOf(
  keys: ReadonlySet<string>,
  state: ClusterState,
  changes: readonly FactChange[],
): ReadonlySet<number> {
  const facts = [
    ...[...keys].map((key) => state.facts.of('Service').get(key)),
    ...changes.map(({ kind, fact }) => (kind === 'Service' ? fact : null)),
  ];
  return new Set(facts.flatMap((fact) => (fact == null ? [] : fact.ports.flatMap(numbersOf))));
}

function sharesPort(service: ServiceFact | undefined, ports: ReadonlySet<number>): boolean {
  return service?.ports.some((port) => numbersOf(port).some((number) => ports.has(number))) ?? false;
}

function numbersOf({ port, nodePort }: ServiceFact['ports'][number]): number[] {
  return nodePort === null ? [port] : [port, nodePort];
}
