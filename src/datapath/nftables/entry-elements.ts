import type { InterfacePattern } from '../../model/node.ts';
import { addressBytes, familyOf } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { countPorts, type PortSpan } from '../../net/port.ts';
import { PROTOCOLS } from '../../net/protocol.ts';
import { type AddressSet, changedRanges, complementOf, unionOf } from '../../net/ranges.ts';
import type {
  EgressOutcome,
  EgressSource,
  Endpoint,
  FamilyScope,
  PodBinding,
  PodSourcePort,
  ServiceFrontend,
  SourcePorts,
} from '../../plan/entry.ts';
import { affinityChain, affinityPickChain, endpointIds } from './affinity.ts';
import { type Contents, type PlacedElement, place, placeRanges } from './element.ts';
import { DRAWN } from './fields.ts';
import { capacityFor, EXACT_CLASSES, endpointMap, idMap, LOCAL_VIEW, pickChain } from './pick-classes.ts';
import { shiftPieces } from './port-offset.ts';
import type { AddressSetName } from './sets.ts';
import type { Programmed } from './slots.ts';
import { listName } from './source-lists.ts';

/** All elements of an entry. */
export function elementsOf(programmed: Programmed): PlacedElement[] {
  const { entry } = programmed;
  switch (entry.kind) {
    case 'ServiceFrontend':
      return frontendElements(entry, programmed);
    case 'PodBinding':
      return bindingElements(entry);
    case 'PodSource': {
      const { address, protocol, snat } = entry;
      const family = familyOf(address);
      return [
        place(family, 'pod_sources', { key: [address, protocol], data: [snat] }),
        place(family, 'bound_sources', { key: [address] }),
      ];
    }
    case 'ClusterAddress': {
      const key = [entry.address] as const;
      const family = familyOf(entry.address);
      return [place(family, 'cluster_ips', { key }), place(family, 'frontend_addresses', { key })];
    }
    case 'PodReservation':
      return []; // what it means for its pod is a PodSourcePort
    case 'PodSourcePort':
      return sourcePortElements(entry);
    case 'SourcePorts':
      return freePortElements(entry);
    case 'ServiceHealthCheck':
      return []; // the agent answers, the kernel has nothing to do
    case 'FamilyScope':
      return [
        ...scopeSets(entry).flatMap(([set, ranges]) => placeRanges(set, ranges)),
        ...restOfScope(entry),
      ];
    case 'EgressSource':
      return egressElements(entry);
    default:
      return entry satisfies never;
  }
}

/**
 * Elements before and after a change of one entry, without those that a scope has in both: one pool of a thousand is
 * one range of a thousand.
 */
export function changedElements(
  old: Programmed | undefined,
  now: Programmed | null,
): { readonly before: readonly PlacedElement[]; readonly after: readonly PlacedElement[] } {
  if (old?.entry.kind !== 'FamilyScope' || now?.entry.kind !== 'FamilyScope') {
    return { before: old === undefined ? [] : elementsOf(old), after: now === null ? [] : elementsOf(now) };
  }
  const { family } = now.entry;
  const before = restOfScope(old.entry);
  const after = restOfScope(now.entry);
  const setsBefore = new Map(scopeSets(old.entry));
  for (const [set, ranges] of scopeSets(now.entry)) {
    const { gone, come } = changedRanges(setsBefore.get(set) ?? { family, ranges: [] }, ranges);
    before.push(...placeRanges(set, { family, ranges: gone }));
    after.push(...placeRanges(set, { family, ranges: come }));
  }
  return { before, after };
}

/** The elements that every table has, whatever the plan: the equal pairs of bytes. */
export function constantElements(family: Family): PlacedElement[] {
  return Array.from({ length: 256 }, (_, byte) => place(family, 'same_byte', { key: [byte, byte] }));
}

function frontendElements(entry: ServiceFrontend, { slots, localSlots }: Programmed): PlacedElement[] {
  const { tuple, localEndpoints, affinityTimeoutSeconds } = entry;
  const family = familyOf(tuple.address);
  const key = [addressBytes(tuple.address), tuple.protocol, tuple.port] as const;
  const address = { key: [key[0]] } as const;
  const placed: PlacedElement[] = [place(family, 'frontend_addresses', address)];
  if (affinityTimeoutSeconds !== null && slots.length + localSlots.length > 0) {
    const verdict = { code: 'goto', chain: affinityChain(affinityTimeoutSeconds) } as const;
    placed.push(place(family, 'affinity_frontends', { key }));
    placed.push(place(family, 'affinity_timeouts', { key, verdict }));
  }
  for (const [view, local] of [
    [slots, false],
    [localSlots, true],
  ] as const) {
    if (view.length > 0) addView(placed, family, key, view, local, affinityTimeoutSeconds !== null);
  }
  if (localEndpoints !== null) placed.push(place(family, 'policy_local', { key }));
  if (entry.masquerade === 'always') placed.push(place(family, 'masquerade_always', { key }));
  if (localEndpoints !== null || entry.masquerade === 'always') {
    placed.push(place(family, 'outside_addresses', address));
  }
  if (slots.length === 0 || (localEndpoints !== null && localSlots.length === 0)) {
    placed.push(place(family, entry.unserved === 'reject' ? 'no_endpoints' : 'no_local_endpoints', { key }));
  }
  if (entry.sourceRanges !== null) addSources(placed, 'restricted', { key }, entry.sourceRanges);
  return placed;
}

/** The slots of a view, and the way to the chain that draws among many. With affinity slots have ids, and ids endpoints. */
function addView(
  placed: PlacedElement[],
  family: Family,
  key: Contents<'bindings'>['key'],
  slots: readonly Endpoint[],
  local: boolean,
  hasAffinity: boolean,
): void {
  const [address, protocol, port] = key;
  const ids = hasAffinity ? endpointIds(slots, local) : null;
  let slot = local ? LOCAL_VIEW : 0;
  for (const endpoint of slots) {
    const data = [endpoint.address, endpoint.port] as const;
    const inSlot = [address, protocol, port, slot++] as const;
    if (ids === null) placed.push(place(family, endpointMap(slots.length), { key: inSlot, data }));
    else {
      const id = ids.get(endpoint) ?? 0;
      placed.push(place(family, idMap(slots.length), { key: inSlot, data: [id] }));
      placed.push(place(family, 'affinity_endpoints', { key: [address, protocol, port, id], data }));
    }
  }
  if (slots.length <= EXACT_CLASSES.length) return;
  const many = local ? 'many_local' : 'many';
  const chain = (hasAffinity ? affinityPickChain : pickChain)(capacityFor(slots.length), local);
  const set = hasAffinity ? (`affinity_${many}` as const) : many;
  placed.push(place(family, set, { key, verdict: { code: 'goto', chain } }));
}

function bindingElements({ tuple, endpoint, portCount, sourceRanges }: PodBinding): PlacedElement[] {
  const family = familyOf(tuple.address);
  const { address, protocol, port } = tuple;
  const key = [address, protocol, port] as const;
  const range = { key, last: [address, protocol, port + portCount - 1] as const };
  const placed =
    portCount === 1
      ? [
          place(family, 'bindings', { key, data: [endpoint.address, endpoint.port] }),
          place(family, 'bound', { key }),
        ]
      : [
          ...shiftedElements('binding_ranges', tuple, endpoint, portCount),
          place(family, 'bound_ranges', range),
          place(family, 'range_addresses', { key: [address] }),
        ];
  placed.push(place(family, 'frontend_addresses', { key: [address] }));
  if (sourceRanges === null) return placed;
  if (portCount === 1) addSources(placed, 'restricted', { key }, sourceRanges);
  else addSources(placed, 'restricted_ranges', range, sourceRanges);
  return placed;
}

function sourcePortElements({ tuple, snat, portCount }: PodSourcePort): PlacedElement[] {
  const { address, protocol, port } = tuple;
  const family = familyOf(address);
  return [
    ...(portCount === 1
      ? [place(family, 'pod_ports', { key: [address, protocol, port], data: [snat.address, snat.port] })]
      : shiftedElements('pod_port_ranges', tuple, snat, portCount)),
    place(family, 'bound_sources', { key: [address] }),
  ];
}

/** Ports that become others by their place in the range. */
function shiftedElements(
  set: 'binding_ranges' | 'pod_port_ranges',
  { address, protocol, port: from }: PodBinding['tuple'],
  to: Endpoint,
  portCount: number,
): PlacedElement[] {
  return shiftPieces(from, to.port, portCount).map(({ port, becomes, count }) =>
    place(familyOf(address), set, {
      key: [address, protocol, port],
      last: [address, protocol, port + count - 1], // a range of one port has two ends too
      data: [to.address, becomes],
      lastData: [to.address, becomes + count - 1],
    }),
  );
}

/** The frontend leads to its list; the list is there once for all that have the same. */
function addSources(
  placed: PlacedElement[],
  set: 'restricted' | 'restricted_ranges',
  ports: Pick<Contents<'restricted'>, 'key' | 'last'>,
  sources: AddressSet,
): void {
  const { family, ranges } = sources;
  const name = listName(sources);
  placed.push(place(family, set, { ...ports, data: [name] }));
  placed.push(place(family, 'restricted_addresses', { key: [ports.key[0]] }));
  for (const { first, last } of ranges) {
    placed.push(place(family, 'allowed_sources', { key: [first, name], last: [last, name] }));
  }
}

/** The range sets of a scope. */
function scopeSets(scope: FamilyScope): readonly (readonly [AddressSetName, AddressSet])[] {
  return [
    ['pods', scope.pods],
    ['service_cidrs', scope.serviceCIDRs],
    ['masquerade_to_cluster_ip', scope.masqueradeToClusterIP],
    ['invalid_dropped', scope.invalidDropped],
    ['egress_sources', scope.egressSources],
    ['egress_exempt', scope.egressExempt],
    ['pod_nat_internal', scope.podNatInternal],
  ];
}

/** What of a scope is no set of addresses. */
function restOfScope(scope: FamilyScope): PlacedElement[] {
  const { family, podInterface, unmasqueradedInterface, egressInterface, egress } = scope;
  return [
    ...interfaceElements('pod_interfaces', family, podInterface),
    ...interfaceElements('unmasqueraded_interfaces', family, unmasqueradedInterface),
    ...interfaceElements('egress_interfaces', family, egressInterface),
    // natOutgoingAddress is the same for all sources: one element.
    ...(egress.address === null
      ? []
      : placeRanges('egress_address', complementOf(unionOf(family, [])), { data: [egress.address] })),
  ];
}

/** A name, or all names with one beginning. */
function interfaceElements(
  set: 'pod_interfaces' | 'unmasqueraded_interfaces' | 'egress_interfaces',
  family: Family,
  pattern: InterfacePattern | null,
): PlacedElement[] {
  if (pattern === null) return [];
  const { name, isPrefix } = pattern;
  return [place(family, set, { key: [{ name, fill: 0 }], last: [{ name, fill: isPrefix ? 0xff : 0 }] })];
}

/** Rules with destinations by cell, and one element for all else that leaves the pools. */
function egressElements({ family, range, cells, rest }: EgressSource): PlacedElement[] {
  if (cells.length === 0 && rest === null) return [];
  const guard = placeRanges('egress_rule_sources', { family, ranges: [range] });
  const placed = cells.map(({ destinations, protocols, ports, outcome }) => {
    const bound = (end: 'first' | 'last') =>
      [range[end], destinations[end], protocols[end], ports[end]] as const;
    const value = egressValue(outcome);
    const set = 'data' in value ? 'egress_to_addresses' : 'egress_to';
    return place(family, set, { key: bound('first'), last: bound('last'), ...value });
  });
  if (rest === null) return [...guard, ...placed];
  const value = egressValue(rest);
  const set = 'data' in value ? 'egress_from_addresses' : 'egress_from';
  return [...guard, ...placed, ...placeRanges(set, { family, ranges: [range] }, value)];
}

/** What a map says about a packet of egress NAT: an address to leave with, or a verdict. */
function egressValue(
  outcome: EgressOutcome,
): Pick<Contents<'egress_from_addresses'>, 'data'> | Pick<Contents<'egress_from'>, 'verdict'> {
  switch (outcome.verdict) {
    case 'snat':
      return { data: [outcome.to] };
    case 'keep':
      return { verdict: { code: 'accept' } };
    case 'masquerade':
      return { verdict: { code: 'goto', chain: 'egress_masquerade' } };
    case 'drop':
      return { verdict: { code: 'drop' } };
    default:
      return outcome satisfies never;
  }
}

/** The ranges of free ports, by the random numbers that choose them. */
function freePortElements({ family, any, egress }: SourcePorts): PlacedElement[] {
  return (
    [
      ['source_ports', any],
      ['egress_ports', egress ?? any],
    ] as const
  ).flatMap(([set, ports]) =>
    PROTOCOLS.flatMap((protocol) =>
      shares(ports[protocol]).map(({ span, first, last }) =>
        place(family, set, { key: [protocol, first], last: [protocol, last], data: [span] }),
      ),
    ),
  );
}

/** All numbers from 0 to DRAWN - 1, to each range as many as it has ports of all. There are no more ports than numbers. */
function shares(
  spans: readonly PortSpan[],
): readonly { readonly span: PortSpan; readonly first: number; readonly last: number }[] {
  const all = countPorts(spans);
  let ports = 0;
  let next = 0;
  return spans.map((span) => {
    ports += span.last - span.first + 1;
    const first = next;
    next = Math.floor((DRAWN * ports) / all);
    return { span, first, last: next - 1 };
  });
}
