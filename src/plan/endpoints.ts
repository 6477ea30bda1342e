import type { EndpointFact, EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { NodeFacts } from '../model/node.ts';
import { compareAddresses, formatEndpoint } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Protocol } from '../net/protocol.ts';
import type { Endpoint } from './entry.ts';

/** The endpoints of one Service port that new connections may use. */
export interface EndpointChoice {
  /** Traffic policy Cluster: from the whole cluster, narrowed by topology hints. Sorted. */
  readonly cluster: readonly Endpoint[];
  /** Traffic policy Local: those on this node, never narrowed by hints. Sorted. */
  readonly local: readonly Endpoint[];
}

const ZONE_LABEL = 'topology.kubernetes.io/zone';
const none: readonly Endpoint[] = Object.freeze([]);

/**
 * Chooses the endpoints of one Service port (specs/service-proxy.md, "Endpoint choice").
 *
 * Slices match the port by name, protocol and family. An address that stands in several places counts once: the
 * first wins (slices in order of their names), except that one on this node replaces one that is not. For each
 * policy by itself: the ready endpoints; if there are none, those that are serving and terminating; else none.
 */
export function chooseEndpoints(
  slices: readonly EndpointSliceFact[],
  port: { readonly name: string; readonly protocol: Protocol },
  family: Family,
  node: Pick<NodeFacts, 'nodeName' | 'topologyLabels'>,
): EndpointChoice {
  const candidates = new Map<string, { endpoint: Endpoint; fact: EndpointFact }>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== port.protocol) continue;
      for (const fact of slice.endpoints) {
        const key = formatEndpoint(fact.address, slicePort.port);
        if (!candidates.has(key) || fact.nodeName === node.nodeName) {
          candidates.set(key, { endpoint: { address: fact.address, port: slicePort.port }, fact });
        }
      }
    }
  }
  if (candidates.size === 0) return { cluster: none, local: none };
  const all = [...candidates.values()].sort(
    (a, b) => compareAddresses(a.endpoint.address, b.endpoint.address) || a.endpoint.port - b.endpoint.port,
  );
  const available = topologyFilter(
    all.filter(({ fact }) => fact.ready).map(({ fact }) => fact),
    node,
  );
  const choose = (eligible: (fact: EndpointFact) => boolean, ready: (fact: EndpointFact) => boolean) => {
    const chosen = all.filter(({ fact }) => fact.ready && ready(fact) && eligible(fact));
    const usable =
      chosen.length > 0
        ? chosen
        : all.filter(({ fact }) => fact.serving && fact.terminating && eligible(fact));
    return usable.length === 0 ? none : usable.map(({ endpoint }) => endpoint);
  };
  return {
    cluster: choose(() => true, available),
    local: choose(
      (fact) => fact.nodeName === node.nodeName,
      () => true,
    ),
  };
}

/**
 * Which ready endpoints the hints leave: node hints first, then zone hints; a kind of hint counts only when every
 * ready endpoint carries it and at least one of them is for this node (or its zone). Otherwise all are left.
 */
function topologyFilter(
  ready: readonly EndpointFact[],
  node: Pick<NodeFacts, 'nodeName' | 'topologyLabels'>,
): (fact: EndpointFact) => boolean {
  const forThisNode = (fact: EndpointFact) => fact.nodeHints.includes(node.nodeName);
  if (ready.every((fact) => fact.nodeHints.length > 0) && ready.some(forThisNode)) return forThisNode;
  const zone = node.topologyLabels[ZONE_LABEL] ?? '';
  const forThisZone = (fact: EndpointFact) => zone !== '' && fact.zoneHints.includes(zone);
  if (ready.every((fact) => fact.zoneHints.length > 0) && ready.some(forThisZone)) return forThisZone;
  return () => true;
}
