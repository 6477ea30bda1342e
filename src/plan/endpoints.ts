import { limits } from '../limits/table.ts';
import type { EndpointFact, EndpointSliceFact, EndpointState } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';
import type { Candidates } from './candidate-runs.ts';
import { candidatesOf } from './candidates.ts';
import type { Endpoint } from './entry.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';
const none: readonly Endpoint[] = Object.freeze([]);

/** Limit of the endpoints for new connections of a frontend; if there are more, the lowest addresses are kept. */
export const MOST_ENDPOINTS = limits['service-endpoints'].most;

type Here = Pick<NodeFacts, 'nodeName' | 'topologyLabels'>;
type Filter = (state: EndpointState) => boolean;

const everyone: Filter = () => true;

/**
 * The endpoints of one Service port that new connections may use (docs/spec/service-nat.md, "Endpoint choice"). Each
 * policy uses the ready endpoints; if there are none, those that are serving and terminating; else none. A list is
 * made when it is first asked for; lists that are equal are mostly one.
 */
export class EndpointChoice {
  readonly #candidates: Candidates;
  readonly #node: Here;
  #cluster: readonly Endpoint[] | null = null;
  #local: readonly Endpoint[] | null = null;

  constructor(
    slices: readonly EndpointSliceFact[],
    port: { readonly name: string; readonly protocol: Protocol },
    family: Family,
    node: Here,
  ) {
    this.#candidates = candidatesOf(slices, port, family);
    this.#node = node;
  }

  /** Traffic policy Cluster: from the whole cluster, narrowed by topology hints. Sorted. */
  get cluster(): readonly Endpoint[] {
    this.#cluster ??= bounded(this.#allUsable());
    return this.#cluster;
  }

  /** Those on this node. Sorted. */
  get local(): readonly Endpoint[] {
    this.#local ??= bounded(this.#localUsable());
    return this.#local;
  }

  /** All serving endpoints, usable or not: their existing flows continue. Sorted. */
  get serving(): readonly Endpoint[] {
    const serving = where(this.#candidates, ({ serving }) => serving);
    const { cluster } = this;
    return sameEndpoints(serving, cluster) ? cluster : serving;
  }

  /** How many usable endpoints exceed the limit of `cluster` or `local`. */
  get leftOut(): number {
    if (this.#candidates.facts.length <= MOST_ENDPOINTS) return 0;
    const most = Math.max(this.#allUsable().length, this.#localUsable().length);
    return Math.max(most, MOST_ENDPOINTS) - MOST_ENDPOINTS;
  }

  /** True if the endpoints of `local` are ready; false if they terminate, or there are none. */
  get isLocalReady(): boolean {
    return this.#candidates.facts.some(({ state }) => state.ready && this.#isLocal(state));
  }

  #allUsable(): readonly Endpoint[] {
    return usable(this.#candidates, everyone, topologyFilter(this.#candidates.facts, this.#node));
  }

  #localUsable(): readonly Endpoint[] {
    return usable(this.#candidates, (state) => this.#isLocal(state), everyone);
  }

  #isLocal({ nodeName }: EndpointState): boolean {
    return nodeName === this.#node.nodeName;
  }
}

function bounded(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.length <= MOST_ENDPOINTS ? endpoints : endpoints.slice(0, MOST_ENDPOINTS);
}

function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a === b || (a.length === b.length && a.every((endpoint, index) => endpoint === b[index]));
}

/** The eligible ready endpoints that the hints allow; if there are none, the eligible serving and terminating ones. */
function usable(candidates: Candidates, eligible: Filter, hinted: Filter): readonly Endpoint[] {
  const ready = where(candidates, (state) => state.ready && eligible(state) && hinted(state));
  if (ready.length > 0) return ready;
  return where(candidates, (state) => state.serving && state.terminating && eligible(state));
}

/** The list of the candidates itself if all are chosen, which is usual. */
function where({ endpoints, facts }: Candidates, isChosen: Filter): readonly Endpoint[] {
  let count = 0;
  for (const { state } of facts) if (isChosen(state)) count++;
  if (count === endpoints.length) return endpoints;
  if (count === 0) return none;
  // It has no spare capacity, unlike an array that grew: plans have one for each port.
  const chosen = new Array<Endpoint>(count);
  let next = 0;
  for (let index = 0; next < count; index++) {
    if (isChosen((facts[index] as EndpointFact).state)) chosen[next++] = endpoints[index] as Endpoint;
  }
  return chosen;
}

/**
 * Node hints first, then zone hints. A kind of hint counts only if every ready endpoint has it and at least one of them
 * is for this node (or its zone). Otherwise all endpoints are allowed.
 */
function topologyFilter(facts: readonly EndpointFact[], node: Here): Filter {
  let allForNodes = true;
  let allForZones = true;
  for (const { state } of facts) {
    if (!state.ready) continue;
    if (state.nodeHints.length === 0) allForNodes = false;
    if (state.zoneHints.length === 0) allForZones = false;
    if (!allForNodes && !allForZones) return everyone;
  }
  const some = (filter: Filter) => facts.some(({ state }) => state.ready && filter(state));
  const forThisNode = ({ nodeHints }: EndpointState) => nodeHints.includes(node.nodeName);
  if (allForNodes && some(forThisNode)) return forThisNode;
  const zone = node.topologyLabels[ZONE_LABEL] ?? '';
  const forThisZone = ({ zoneHints }: EndpointState) => zoneHints.includes(zone);
  return allForZones && zone !== '' && some(forThisZone) ? forThisZone : everyone;
}
