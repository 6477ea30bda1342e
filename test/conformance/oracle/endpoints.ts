import { type Address, address, type Family, hostPort } from './addresses.ts';
import type { Endpoint, EndpointSlice, NodeConfig } from './manifests.ts';

/** An endpoint of one service port, with the conditions filled in. */
export interface Backend {
  readonly at: Address;
  readonly port: number;
  readonly ready: boolean;
  readonly terminatingButServing: boolean;
  readonly local: boolean;
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

/** Which backends a service port uses under each traffic policy, and whether there are usable ones anywhere. */
export interface Choice {
  readonly cluster: readonly Backend[];
  readonly local: readonly Backend[];
  readonly anywhere: boolean;
}

interface PortOfService {
  readonly namespace: string;
  readonly service: string;
  readonly name: string;
  readonly protocol: string;
}

const SERVICE_NAME = 'kubernetes.io/service-name';
const NOT_OURS = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

/**
 * The backends of a service port in one family. An address in several slices counts once: a ready entry is
 * preferred to a serving one, that to the rest, and then one that does not terminate. Between others no order is
 * promised, and the result is `undefined`.
 */
export function backendsOf(
  port: PortOfService,
  family: Family,
  slices: readonly EndpointSlice[],
  node: NodeConfig,
): readonly Backend[] | undefined {
  const candidates = new Map<string, { worth: number; backend: Backend }[]>();
  for (const slice of slices) {
    if (!belongs(slice, port, family)) {
      continue;
    }
    for (const number of portsOf(slice, port)) {
      for (const endpoint of slice.endpoints ?? []) {
        const backend = backendOf(endpoint, number, node);
        if (backend !== undefined && backend.at.family === family) {
          const key = hostPort(backend.at, number);
          const seen = candidates.get(key) ?? [];
          candidates.set(key, seen);
          seen.push({ worth: worthOf(endpoint), backend });
        }
      }
    }
  }
  const chosen: Backend[] = [];
  for (const seen of candidates.values()) {
    const most = Math.max(...seen.map((candidate) => candidate.worth));
    const [first, ...rest] = seen.filter((candidate) => candidate.worth === most);
    if (first === undefined || rest.some((other) => !alike(other.backend, first.backend))) {
      return undefined;
    }
    chosen.push(first.backend);
  }
  return chosen;
}

/** Ready ones; without any, those that terminate and still serve. Topology narrows the cluster's choice alone. */
export function choose(backends: readonly Backend[], node: NodeConfig): Choice {
  const ready = backends.filter((backend) => backend.ready);
  const leaving = backends.filter((backend) => !backend.ready && backend.terminatingButServing);
  const readyHere = ready.filter((backend) => backend.local);
  const leavingHere = leaving.filter((backend) => backend.local);
  return {
    cluster: ready.length > 0 ? nearest(ready, node) : leaving,
    local: readyHere.length > 0 ? readyHere : leavingHere,
    anywhere: ready.length + leaving.length > 0,
  };
}

function nearest(ready: readonly Backend[], node: NodeConfig): readonly Backend[] {
  const zone = node.topologyLabels['topology.kubernetes.io/zone'] ?? '';
  const forNode = ready.filter((backend) => backend.nodes.includes(node.nodeName));
  if (forNode.length > 0 && ready.every((backend) => backend.nodes.length > 0)) {
    return forNode;
  }
  const forZone = ready.filter((backend) => backend.zones.includes(zone));
  if (forZone.length > 0 && ready.every((backend) => backend.zones.length > 0)) {
    return forZone;
  }
  return ready;
}

function belongs(slice: EndpointSlice, port: PortOfService, family: Family): boolean {
  const labels = slice.metadata.labels ?? {};
  return (
    slice.addressType === family &&
    (slice.metadata.namespace ?? 'default') === port.namespace &&
    labels[SERVICE_NAME] === port.service &&
    NOT_OURS.every((label) => labels[label] === undefined)
  );
}

/** The numbers under the service port's name and protocol. A port without a number means "all" and is passed over. */
function portsOf(slice: EndpointSlice, port: PortOfService): readonly number[] {
  const numbers = new Set<number>();
  for (const candidate of slice.ports ?? []) {
    const same = (candidate.name ?? '') === port.name && (candidate.protocol ?? 'TCP') === port.protocol;
    if (same && typeof candidate.port === 'number' && candidate.port !== 0) {
      numbers.add(candidate.port);
    }
  }
  return [...numbers];
}

function backendOf(endpoint: Endpoint, port: number, node: NodeConfig): Backend | undefined {
  const at = address(endpoint.addresses[0]);
  if (at === undefined) {
    return undefined;
  }
  const { ready, serving, terminating } = endpoint.conditions ?? {};
  return {
    at,
    port,
    ready: ready ?? true,
    terminatingButServing: (serving ?? true) && (terminating ?? false),
    local: endpoint.nodeName === node.nodeName,
    zones: (endpoint.hints?.forZones ?? []).map((zone) => zone.name),
    nodes: (endpoint.hints?.forNodes ?? []).map((hinted) => hinted.name),
  };
}

/** Which of two entries for one address counts: the one of the higher rank. */
function worthOf({ conditions }: Endpoint): number {
  const usable = (conditions?.ready ?? true) ? 2 : (conditions?.serving ?? true) ? 1 : 0;
  return 2 * usable + ((conditions?.terminating ?? false) ? 0 : 1);
}

/** Whether it makes no difference which of the two is taken. */
function alike(one: Backend, other: Backend): boolean {
  if (one.ready !== other.ready || one.terminatingButServing !== other.terminatingButServing) {
    return false;
  }
  const isUsed = one.ready || one.terminatingButServing;
  return (
    !isUsed ||
    (one.local === other.local &&
      (!one.ready || (sameSet(one.zones, other.zones) && sameSet(one.nodes, other.nodes))))
  );
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...one].sort().join() === [...other].sort().join();
}
