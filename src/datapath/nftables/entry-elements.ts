import type { InterfacePattern } from '../../model/node.ts';
import { familyOf } from '../../net/address.ts';
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
  SourcePorts,
} from '../../plan/entry.ts';
import { CONSTANT_CHAINS, ENTERED_BY } from './chain-numbers.ts';
import { type Contents, type Elements, type PlacedElement, PlacedElements, putRanges } from './element.ts';
import { DRAWN } from './fields.ts';
import { isSameButSlots, putFrontend, putSources } from './frontend-elements.ts';
import { shiftPieces } from './port-offset.ts';
import type { AddressSetName } from './sets.ts';
import type { Programmed } from './slots.ts';

/** All elements of an entry. */
export function elementsOf(programmed: Programmed): PlacedElement[] {
  const placed = new PlacedElements();
  putElements(programmed, placed);
  return placed.all;
}

/** The same into what takes them. */
export function putElements(
  programmed: Programmed,
  out: Elements,
  what: 'all' | 'all but slots' = 'all',
): void {
  const { entry } = programmed;
  switch (entry.kind) {
    case 'ServiceFrontend':
      putFrontend(entry, programmed, what, out);
      return;
    case 'PodBinding':
      putBinding(entry, out);
      return;
    case 'PodSource': {
      const { address, protocol, snat } = entry;
      const family = familyOf(address);
      out.put(family, 'pod_sources', { key: [address, protocol], data: [snat] });
      out.put(family, 'bound_sources', { key: [address] });
      return;
    }
    case 'ClusterAddress': {
      const key = [entry.address] as const;
      const family = familyOf(entry.address);
      out.put(family, 'cluster_ips', { key });
      out.put(family, 'frontend_addresses', { key });
      return;
    }
    case 'PodReservation':
      return; // what it means for its pod is a PodSourcePort
    case 'PodSourcePort':
      putSourcePort(entry, out);
      return;
    case 'SourcePorts':
      putFreePorts(entry, out);
      return;
    case 'ServiceHealthCheck':
      return; // the agent answers, the kernel has nothing to do
    case 'FamilyScope':
      for (const [set, ranges] of scopeSets(entry)) putRanges(out, set, ranges);
      putRestOfScope(entry, out);
      return;
    case 'EgressSource':
      putEgress(entry, out);
      return;
    default:
      entry satisfies never;
  }
}

/**
 * Elements before and after a change of one entry, without those that are in both for sure: the slots of a frontend, which
 * `putChangedSlots` compares; all else of a frontend where only endpoints changed; and of a scope, where one pool of a thousand is
 * one range of a thousand.
 */
export function changedElements(
  old: Programmed | undefined,
  now: Programmed | null,
): { readonly before: readonly PlacedElement[]; readonly after: readonly PlacedElement[] } {
  if (isSameButSlots(old?.entry, now?.entry)) return unchanged;
  const [before, after] = [new PlacedElements(), new PlacedElements()];
  if (old?.entry.kind !== 'FamilyScope' || now?.entry.kind !== 'FamilyScope') {
    if (old !== undefined) putElements(old, before, 'all but slots');
    if (now !== null) putElements(now, after, 'all but slots');
    return { before: before.all, after: after.all };
  }
  const { family } = now.entry;
  putRestOfScope(old.entry, before);
  putRestOfScope(now.entry, after);
  const setsBefore = new Map(scopeSets(old.entry));
  for (const [set, ranges] of scopeSets(now.entry)) {
    const { gone, come } = changedRanges(setsBefore.get(set) ?? { family, ranges: [] }, ranges);
    putRanges(before, set, { family, ranges: gone });
    putRanges(after, set, { family, ranges: come });
  }
  return { before: before.all, after: after.all };
}

const unchanged = Object.freeze({ before: Object.freeze([]), after: Object.freeze([]) });

/** The elements that every table has, whatever the plan: the equal pairs of bytes, and the chains that draw. */
export function constantElements(family: Family): PlacedElement[] {
  const placed = new PlacedElements();
  putConstants(family, placed);
  return placed.all;
}

export function putConstants(family: Family, out: Elements): void {
  for (let byte = 0; byte < 256; byte++) out.put(family, 'same_byte', { key: [byte, byte] });
  for (const set of ['special_chains', 'view_chains'] as const) {
    for (const { number, chain } of CONSTANT_CHAINS[set]) {
      out.put(family, set, { key: [number], verdict: { code: ENTERED_BY[set], chain } });
    }
  }
}

function putBinding({ tuple, endpoint, portCount, sourceRanges }: PodBinding, out: Elements): void {
  const family = familyOf(tuple.address);
  const { address, protocol, port } = tuple;
  const key = [address, protocol, port] as const;
  const range = { key, last: [address, protocol, port + portCount - 1] as const };
  if (portCount === 1) {
    out.put(family, 'bindings', { key, data: [endpoint.address, endpoint.port] });
    out.put(family, 'bound', { key });
  } else {
    putShifted('binding_ranges', tuple, endpoint, portCount, out);
    out.put(family, 'bound_ranges', range);
    out.put(family, 'range_addresses', { key: [address] });
  }
  out.put(family, 'frontend_addresses', { key: [address] });
  if (sourceRanges === null) return;
  if (portCount === 1) putSources('restricted', { key }, sourceRanges, out);
  else putSources('restricted_ranges', range, sourceRanges, out);
}

function putSourcePort({ tuple, snat, portCount }: PodSourcePort, out: Elements): void {
  const { address, protocol, port } = tuple;
  const family = familyOf(address);
  if (portCount === 1) {
    out.put(family, 'pod_ports', { key: [address, protocol, port], data: [snat.address, snat.port] });
  } else putShifted('pod_port_ranges', tuple, snat, portCount, out);
  out.put(family, 'bound_sources', { key: [address] });
}

/** Ports that become others by their place in the range. */
function putShifted(
  set: 'binding_ranges' | 'pod_port_ranges',
  { address, protocol, port: from }: PodBinding['tuple'],
  to: Endpoint,
  portCount: number,
  out: Elements,
): void {
  for (const { port, becomes, count } of shiftPieces(from, to.port, portCount)) {
    out.put(familyOf(address), set, {
      key: [address, protocol, port],
      last: [address, protocol, port + count - 1], // a range of one port has two ends too
      data: [to.address, becomes],
      lastData: [to.address, becomes + count - 1],
    });
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
function putRestOfScope(scope: FamilyScope, out: Elements): void {
  const { family, podInterface, unmasqueradedInterface, egressInterface, egress } = scope;
  putInterface('pod_interfaces', family, podInterface, out);
  putInterface('unmasqueraded_interfaces', family, unmasqueradedInterface, out);
  putInterface('egress_interfaces', family, egressInterface, out);
  if (egress.address === null) return;
  // natOutgoingAddress is the same for all sources: one element.
  putRanges(out, 'egress_address', complementOf(unionOf(family, [])), { data: [egress.address] });
}

/** A name, or all names with one beginning. */
function putInterface(
  set: 'pod_interfaces' | 'unmasqueraded_interfaces' | 'egress_interfaces',
  family: Family,
  pattern: InterfacePattern | null,
  out: Elements,
): void {
  if (pattern === null) return;
  const { name, isPrefix } = pattern;
  out.put(family, set, { key: [{ name, fill: 0 }], last: [{ name, fill: isPrefix ? 0xff : 0 }] });
}

/** Rules with destinations by cell, and one element for all else that leaves the pools. */
function putEgress({ family, range, cells, rest }: EgressSource, out: Elements): void {
  if (cells.length === 0 && rest === null) return;
  const source = { family, ranges: [range] };
  putRanges(out, 'egress_rule_sources', source);
  for (const { destinations, protocols, ports, outcome } of cells) {
    const bound = (end: 'first' | 'last') =>
      [range[end], destinations[end], protocols[end], ports[end]] as const;
    const value = egressValue(outcome);
    const set = 'data' in value ? 'egress_to_addresses' : 'egress_to';
    out.put(family, set, { key: bound('first'), last: bound('last'), ...value });
  }
  if (rest === null) return;
  const value = egressValue(rest);
  putRanges(out, 'data' in value ? 'egress_from_addresses' : 'egress_from', source, value);
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
function putFreePorts({ family, any, egress }: SourcePorts, out: Elements): void {
  for (const [set, ports] of [
    ['source_ports', any],
    ['egress_ports', egress ?? any],
  ] as const) {
    for (const protocol of PROTOCOLS) {
      for (const { span, first, last } of shares(ports[protocol])) {
        out.put(family, set, { key: [protocol, first], last: [protocol, last], data: [span] });
      }
    }
  }
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
