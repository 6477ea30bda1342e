import { grouped } from '../base/collect.ts';
import { familyOf, type IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { PortSpan } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import type { AddressSet } from '../net/ranges.ts';
import { setContains } from '../net/ranges.ts';
import type { Endpoint, PlanEntry, PodBinding, ServiceFrontend } from '../plan/entry.ts';
import { spanOf } from '../plan/port-claims.ts';
import type { Comparison } from './comparison.ts';
import { type Both, SIDES } from './sides.ts';
import { elementarySpans } from './source-ports.ts';

/** An entry that packets to its address, protocol and ports are sent by. */
export type DialledEntry = ServiceFrontend | PodBinding;

/** Ports of an address with one entry on each side; null: none there. */
export interface DialledPorts {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly span: PortSpan;
  readonly entry: Both<DialledEntry | null>;
}

export function isDialled(entry: PlanEntry | undefined): entry is DialledEntry {
  return entry?.kind === 'ServiceFrontend' || entry?.kind === 'PodBinding';
}

/** The ports whose entry differs. Each port of an address and protocol is in at most one. */
export function changedPorts(family: Family, { changed, before, after }: Comparison): DialledPorts[] {
  const entries = [...changed.values()].flatMap((entry) =>
    SIDES.flatMap((side) => {
      const one = entry[side];
      return isDialled(one) && familyOf(one.tuple.address) === family ? [one] : [];
    }),
  );
  const lanes = grouped(entries, ({ tuple }) => `${tuple.address} ${tuple.protocol}`);
  return [...lanes.values()].flatMap((lane) => {
    const [{ tuple }] = lane as [DialledEntry];
    const { address, protocol } = tuple;
    return elementarySpans(lane.map(spanOf)).map((span): DialledPorts => {
      const at = { address, protocol, port: span.first as typeof tuple.port };
      const of = (entry: PlanEntry | undefined) => (isDialled(entry) ? entry : null);
      const entry = { before: of(before.plan.entryAt(at)), after: of(after.plan.entryAt(at)) };
      return { address, protocol, span, entry };
    });
  });
}

export function portsOfEntry(entry: DialledEntry): DialledPorts {
  const { address, protocol } = entry.tuple;
  return { address, protocol, span: spanOf(entry), entry: { before: entry, after: entry } };
}

/** The dialled ports of an address, by protocol. */
export type PortsOfAddress = Readonly<Record<Protocol, readonly PortSpan[]>>;

/** What a part of the plan dials in an area: packets to these ports are not decided by their address alone. */
export function dialledIn(area: AddressSet, comparison: Comparison): ReadonlyMap<IpAddress, PortsOfAddress> {
  const found = new Map<IpAddress, Record<Protocol, PortSpan[]>>();
  const note = (entry: PlanEntry | undefined) => {
    if (!isDialled(entry) || !setContains(area, entry.tuple.address)) return;
    const { address, protocol } = entry.tuple;
    let ports = found.get(address);
    if (ports === undefined) {
      ports = { TCP: [], UDP: [], SCTP: [] };
      found.set(address, ports);
    }
    ports[protocol].push(spanOf(entry));
  };
  for (const entry of comparison.unchanged()) note(entry);
  for (const { before, after } of comparison.changed.values()) {
    note(before);
    note(after);
  }
  return found;
}

/** Equal for addresses with the same dialled ports. */
export function portsText(ports: PortsOfAddress): string {
  return PROTOCOLS.map((protocol) =>
    [...ports[protocol]]
      .sort((a, b) => a.first - b.first || a.last - b.last)
      .map(({ first, last }) => `${first}-${last}`)
      .join(','),
  ).join('/');
}

export function endpointsOf(entry: DialledEntry): readonly Endpoint[] {
  if (entry.kind === 'PodBinding') return [entry.endpoint];
  return entry.localEndpoints === null ? entry.endpoints : [...entry.endpoints, ...entry.localEndpoints];
}
