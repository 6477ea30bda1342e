import type { Entry } from '../forms/entries.ts';
import type { EgressDestination } from '../model/egress-rule.ts';
import { formatInterface } from '../model/node.ts';
import { formatRef } from '../model/object.ts';
import { compareText } from '../model/text.ts';
import { formatEndpoint } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import { formatSpan } from '../net/port.ts';
import { formatPrefix } from '../net/prefix.ts';
import { PROTOCOLS, protocolFromNumber } from '../net/protocol.ts';
import { type AddressSet, formatRange } from '../net/ranges.ts';
import type { EgressCell, EgressChoice, EgressOutcome, Endpoint, FreePorts, PlanEntry } from './entry.ts';
import { formatPorts } from './entry-key.ts';
import type { NatPlan } from './nat-plan.ts';

/**
 * The whole plan in canonical form: sorted by key, the same text for the same facts.
 * @internal used by tests alone
 */
export function canonicalPlan(plan: NatPlan): Entry[] {
  return [...plan.entries()].sort((a, b) => compareText(a.key, b.key)).map(canonicalEntry);
}

/** An entry as plain JSON data. */
export function canonicalEntry<Planned extends PlanEntry>(
  entry: Planned,
): Extract<Entry, { kind: Planned['kind'] }>;
export function canonicalEntry(entry: PlanEntry): Entry {
  const { key } = entry;
  const owned = { key, owner: 'owner' in entry ? formatRef(entry.owner) : '' };
  switch (entry.kind) {
    case 'ServiceFrontend':
      return {
        kind: entry.kind,
        key,
        origin: entry.origin,
        owner: owned.owner,
        portName: entry.portName,
        endpoints: formatEndpoints(entry.endpoints),
        localEndpoints: entry.localEndpoints === null ? null : formatEndpoints(entry.localEndpoints),
        retained: formatEndpoints(entry.retained),
        masquerade: entry.masquerade,
        unserved: entry.unserved,
        sourceRanges: entry.sourceRanges === null ? null : formatSet(entry.sourceRanges),
        affinityTimeoutSeconds: entry.affinityTimeoutSeconds,
      };
    case 'PodBinding':
      return {
        kind: entry.kind,
        ...owned,
        endpoint: formatPorts(entry.endpoint, entry.portCount),
        sourceRanges: entry.sourceRanges === null ? null : formatSet(entry.sourceRanges),
      };
    case 'PodReservation':
      return { kind: entry.kind, ...owned, endpoint: formatPorts(entry.endpoint, entry.portCount) };
    case 'PodSourcePort':
      return { kind: entry.kind, ...owned, snat: formatPorts(entry.snat, entry.portCount) };
    case 'PodSource':
      return { kind: entry.kind, ...owned, snat: entry.snat };
    case 'ClusterAddress':
      return { kind: entry.kind, ...owned };
    case 'ServiceHealthCheck':
      return {
        kind: entry.kind,
        ...owned,
        port: entry.port,
        addresses: entry.addresses,
        localEndpoints: entry.localEndpoints,
      };
    case 'FamilyScope':
      return {
        kind: entry.kind,
        key,
        pods: formatSet(entry.pods),
        podInterface: entry.podInterface === null ? null : formatInterface(entry.podInterface),
        serviceCIDRs: formatSet(entry.serviceCIDRs),
        masqueradeToClusterIP: formatSet(entry.masqueradeToClusterIP),
        unmasqueradedInterface:
          entry.unmasqueradedInterface === null ? null : formatInterface(entry.unmasqueradedInterface),
        invalidDropped: formatSet(entry.invalidDropped),
        egressSources: formatSet(entry.egressSources),
        egressInterface: entry.egressInterface === null ? null : formatInterface(entry.egressInterface),
        egressExempt: formatSet(entry.egressExempt),
        egressAddress: entry.egress.address,
        egressPorts: entry.egress.ports.map(formatSpan),
        egressInterfaceFilter: entry.egress.interfaceFilter,
        podNatInternal: formatSet(entry.podNatInternal),
        pools: entry.pools.map((pool) => `${pool.name}=${formatPrefix(pool.cidr)}`),
      };
    case 'SourcePorts':
      return {
        kind: entry.kind,
        key,
        ports: formatFree(entry.any),
        egressPorts: entry.egress === null ? null : formatFree(entry.egress),
      };
    case 'EgressSource':
      return {
        kind: entry.kind,
        key,
        owner: entry.pod === null ? null : formatRef(entry.pod),
        rules: entry.choices.map(formatChoice),
        cells: entry.cells.map((cell) => formatCell(entry.family, cell)),
        rest: entry.rest === null ? null : formatOutcome(entry.rest),
      };
    default:
      return entry satisfies never;
  }
}

function formatEndpoints(endpoints: readonly Endpoint[]): string[] {
  return endpoints.map(endpointText);
}

/** `10.244.1.7:8080`, IPv6 in brackets. */
export function endpointText({ address, port }: Endpoint): string {
  return formatEndpoint(address, port);
}

function formatFree(ports: FreePorts): string[] {
  return PROTOCOLS.flatMap((protocol) => ports[protocol].map((span) => `${formatSpan(span)}/${protocol}`));
}

function formatChoice({ rule, to, outcome, fallback }: EgressChoice): string {
  const where = to === null ? 'what leaves all pools' : to.map(formatDestination).join(', ');
  return `${rule}: ${where}: ${formatOutcome(outcome)}${fallback === null ? '' : ` (${fallback})`}`;
}

/** `198.51.100.0/24`, `198.51.100.0/24 TCP 443`. */
export function formatDestination({ cidr, protocol, ports }: EgressDestination): string {
  const parts = [formatPrefix(cidr), protocol, ports === null ? null : formatSpan(ports)];
  return parts.filter((part) => part !== null).join(' ');
}

function formatCell(family: Family, { destinations, protocols, ports, outcome }: EgressCell): string {
  const { first, last } = protocols;
  const protocol = first === last ? (protocolFromNumber(first) ?? String(first)) : `${first}-${last}`;
  return `${formatRange(family, destinations)} ${protocol} ${formatSpan(ports)}: ${formatOutcome(outcome)}`;
}

function formatOutcome(outcome: EgressOutcome): string {
  return outcome.verdict === 'snat' ? `snat ${outcome.to}` : outcome.verdict;
}

export function formatSet(set: AddressSet): string[] {
  return set.ranges.map((range) => formatRange(set.family, range));
}
