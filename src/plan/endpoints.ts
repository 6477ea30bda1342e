import type { EndpointFact, EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import { compareAddresses } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';
import type { Endpoint } from './entry.ts';

/** The endpoints of one Service port that new connections may use. */
export interface EndpointChoice {
  /** Traffic policy Cluster: from the whole cluster, narrowed by topology hints. Sorted. */
  readonly cluster: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** All serving endpoints, usable or not: their existing flows continue. Sorted. */
  readonly serving: readonly Endpoint[];
  /** How many usable endpoints exceed the limit of `cluster` or `local`. */
  readonly leftOut: number;
  /** True if the endpoints of `local` are ready; false if they terminate, or there are none. */
  readonly isLocalReady: boolean;
}

const ZONE_LABEL = 'topology.kubernetes.io/zone';
const none: readonly Endpoint[] = Object.freeze([]);

/** Limit of the endpoints for new connections of a frontend; if there are more, the lowest addresses are kept. */
export const MOST_ENDPOINTS = 32_768;

type Filter = (fact: EndpointFact) => boolean;

const everyone: Filter = () => true;

interface Candidate {
  readonly endpoint: Endpoint;
  readonly fact: EndpointFact;
}

/**
 * Chooses the endpoints of one Service port (docs/spec/service-nat.md, "Endpoint choice"). Slices match the port by
 * name, protocol and family; names and order of slices do not matter. Each policy uses the ready endpoints; if there
 * are none, those that are serving and terminating; else none.
 */
export function chooseEndpoints(
  slices: readonly EndpointSliceFact[],
  port: { readonly name: string; readonly protocol: Protocol },
  family: Family,
  node: Pick<NodeFacts, 'nodeName' | 'topologyLabels'>,
): EndpointChoice {
  const candidates = candidatesOf(slices, port, family);
  if (candidates.length === 0)
    return { cluster: none, local: none, serving: none, isLocalReady: false, leftOut: 0 };
  const everywhere = usable(candidates, everyone, topologyFilter(candidates, node));
  const cluster = bounded(everywhere);
  const serving = candidates.filter(({ fact }) => fact.serving).map(({ endpoint }) => endpoint);
  const isLocal: Filter = (fact) => fact.nodeName === node.nodeName;
  const here = usable(candidates, isLocal, everyone);
  return {
    cluster,
    local: bounded(here),
    leftOut: Math.max(everywhere.length, here.length, MOST_ENDPOINTS) - MOST_ENDPOINTS,
    isLocalReady: candidates.some(({ fact }) => fact.ready && isLocal(fact)),
    // Mostly both are equal: one list saves memory, since plans have many.
    serving: sameEndpoints(serving, cluster) ? cluster : serving,
  };
}

/** The endpoints of the port, sorted, each address and port once. */
function candidatesOf(
  slices: readonly EndpointSliceFact[],
  port: { readonly name: string; readonly protocol: Protocol },
  family: Family,
): Candidate[] {
  const all: Candidate[] = [];
  let inOrder = true;
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { name, protocol, port: number } of slice.ports) {
      if (name !== port.name || protocol !== port.protocol) continue;
      for (const fact of slice.endpoints) {
        const candidate = { endpoint: { address: fact.address, port: number }, fact };
        const previous = all[all.length - 1];
        if (previous !== undefined && compareCandidates(previous, candidate) >= 0) inOrder = false;
        all.push(candidate);
      }
    }
  }
  if (inOrder) return all;
  all.sort((a, b) => compareCandidates(a, b) || compareDuplicates(a.fact, b.fact));
  return all.filter((candidate, index) => {
    const previous = all[index - 1];
    return previous === undefined || compareCandidates(previous, candidate) !== 0;
  });
}

/**
 * Orders the endpoints of one address; the first is used: ready, serving, neither; then not terminating before
 * terminating (the address was assigned again); then with a node or hints before without; then the lower text. Whether
 * an endpoint is on this node does not matter, so that all nodes choose the same.
 */
function compareDuplicates(a: EndpointFact, b: EndpointFact): number {
  const rank = (fact: EndpointFact) => (fact.ready ? 4 : fact.serving ? 2 : 0) + (fact.terminating ? 0 : 1);
  return (
    rank(b) - rank(a) ||
    compareSaid(a.nodeName ?? '', b.nodeName ?? '') ||
    compareSaid(a.nodeHints.join(), b.nodeHints.join()) ||
    compareSaid(a.zoneHints.join(), b.zoneHints.join())
  );
}

/** An empty text comes last. */
function compareSaid(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  return a < b ? -1 : 1;
}

function bounded(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.length <= MOST_ENDPOINTS ? endpoints : endpoints.slice(0, MOST_ENDPOINTS);
}

function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, index) => endpoint === b[index]);
}

function compareCandidates({ endpoint: a }: Candidate, { endpoint: b }: Candidate): number {
  return compareAddresses(a.address, b.address) || a.port - b.port;
}

/** The eligible ready endpoints that the hints allow; if there are none, the eligible serving and terminating ones. */
function usable(candidates: readonly Candidate[], eligible: Filter, hinted: Filter): readonly Endpoint[] {
  const chosen: Endpoint[] = [];
  for (const { endpoint, fact } of candidates) {
    if (fact.ready && eligible(fact) && hinted(fact)) chosen.push(endpoint);
  }
  // A copy has no spare capacity, unlike an array that grew: plans have one for each port.
  if (chosen.length > 0) return chosen.slice();
  for (const { endpoint, fact } of candidates) {
    if (fact.serving && fact.terminating && eligible(fact)) chosen.push(endpoint);
  }
  return chosen.length === 0 ? none : chosen.slice();
}

/**
 * Node hints first, then zone hints. A kind of hint counts only if every ready endpoint has it and at least one of them
 * is for this node (or its zone). Otherwise all endpoints are allowed.
 */
function topologyFilter(
  candidates: readonly Candidate[],
  node: Pick<NodeFacts, 'nodeName' | 'topologyLabels'>,
): Filter {
  let allForNodes = true;
  let allForZones = true;
  for (const { fact } of candidates) {
    if (!fact.ready) continue;
    if (fact.nodeHints.length === 0) allForNodes = false;
    if (fact.zoneHints.length === 0) allForZones = false;
    if (!allForNodes && !allForZones) return everyone;
  }
  const some = (filter: Filter) => candidates.some(({ fact }) => fact.ready && filter(fact));
  const forThisNode = (fact: EndpointFact) => fact.nodeHints.includes(node.nodeName);
  if (allForNodes && some(forThisNode)) return forThisNode;
  const zone = node.topologyLabels[ZONE_LABEL] ?? '';
  const forThisZone = (fact: EndpointFact) => fact.zoneHints.includes(zone);
  return allForZones && zone !== '' && some(forThisZone) ? forThisZone : everyone;
}
