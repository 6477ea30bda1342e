import type { Packet } from '../explain/packet.ts';
import { addressFromNumber, addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { type PortSpan, parsePort } from '../net/port.ts';
import { PROTOCOLS, type Protocol } from '../net/protocol.ts';
import { type AddressRange, type AddressSet, setContains, unionOf } from '../net/ranges.ts';
import { type Cell, mergedCells } from './cell.ts';
import type { Comparison } from './comparison.ts';
import { cutSpans, Destinations, portCells, portCuts } from './destinations.ts';
import { changedPorts, type DialledPorts, isDialled, portsOfEntry } from './dialled.ts';
import { type Ground, groundOf } from './ground.ts';
import { type InterfaceKind, interfaceKinds } from './interfaces.ts';
import { WhatIfTooLarge } from './limit.ts';
import { Outcomes } from './outcome.ts';
import { singleAddress } from './partition.ts';
import { endpointsOf, type Reacher, Reachers } from './reach.ts';
import { type Both, SIDES } from './sides.ts';
import { type SourceKind, sourceKinds } from './sources.ts';

/** The packets of one family whose fate differs, as disjoint cells. */
export interface FamilyChanges {
  readonly family: Family;
  readonly interfaces: readonly InterfaceKind[];
  readonly cells: readonly Cell[];
}

/**
 * All packets whose fate differs between the two sides; a packet that is in no cell keeps its fate. Throws WhatIfTooLarge.
 * @param most cells of a family, before they are merged
 */
export function changedCells(comparison: Comparison, most: number): FamilyChanges[] {
  return FAMILIES.map((family) => {
    const ground = groundOf(family, comparison);
    const interfaces = interfaceKinds(ground);
    return { family, interfaces, cells: mergedCells(new Search(ground, comparison, interfaces, most).run()) };
  });
}

/** Everything of a cell but its sources' interface and port. */
interface Walkable {
  readonly kind: SourceKind;
  readonly sources: AddressSet;
  readonly destinations: AddressSet;
  /** Treated alike. */
  readonly protocols: readonly Protocol[];
  readonly ports: readonly PortSpan[];
  readonly shifts?: Both<boolean>;
}

/** Walks one packet of each kind of packets that may have another fate. */
class Search {
  readonly #ground: Ground;
  readonly #comparison: Comparison;
  readonly #interfaces: readonly InterfaceKind[];
  readonly #outcomes: Outcomes;
  readonly #most: number;
  readonly #cells: Cell[] = [];

  constructor(ground: Ground, comparison: Comparison, interfaces: readonly InterfaceKind[], most: number) {
    this.#most = most;
    this.#ground = ground;
    this.#comparison = comparison;
    this.#interfaces = interfaces;
    this.#outcomes = new Outcomes(comparison);
  }

  run(): readonly Cell[] {
    const kinds = sourceKinds(this.#ground, this.#comparison);
    const reachers = new Reachers(kinds, this.#ground, this.#comparison);
    for (const ports of changedPorts(this.#ground.family, this.#comparison)) {
      for (const reacher of reachers.of(ports)) this.#walkDialled(ports, reacher);
    }
    const differing = kinds.filter(({ differs }) => differs);
    const destinations = new Destinations(this.#ground, this.#comparison, differing.length > 0);
    if (differing.length === 0 && destinations.differing.ranges.length === 0) return this.#cells;
    const moved = new Map(kinds.map((kind) => [kind, this.#walkUndialled(kind, destinations)]));
    this.#walkUnchanged(reachers, differing, moved, destinations);
    return this.#cells;
  }

  /** Packets to ports of no Service and no binding. Returns the destinations towards which the source may differ. */
  #walkUndialled(kind: SourceKind, destinations: Destinations): AddressSet {
    const moved: AddressRange[] = [...destinations.constant.ranges];
    for (const { addresses, differs, dialled } of destinations.kinds(kind)) {
      if (!kind.differs && !differs) continue;
      const found = this.#cells.length;
      let isWhole = true;
      // Protocols without a port of a Service or binding are alike, unless a rule for the sources names one.
      const undialled = PROTOCOLS.filter((protocol) => dialled[protocol].length === 0);
      if (undialled.length < PROTOCOLS.length) isWhole = false;
      const groups = PROTOCOLS.filter((protocol) => dialled[protocol].length > 0).map((one) => [one]);
      groups.push(...(kind.asksProtocol ? undialled.map((one) => [one]) : [undialled]));
      for (const protocols of groups) {
        const [protocol] = protocols;
        if (protocol === undefined) continue;
        for (const { spans } of portCells(protocol, kind.choices, dialled)) {
          this.#walk({ kind, sources: kind.addresses, destinations: addresses, protocols, ports: spans });
        }
      }
      if (!isWhole || this.#cells.length > found) moved.push(...addresses.ranges);
    }
    return unionOf(this.#ground.family, moved);
  }

  /** Services and bindings that are the same on both sides, where their endpoints or the sources are not. */
  #walkUnchanged(
    reachers: Reachers,
    differing: readonly SourceKind[],
    moved: ReadonlyMap<SourceKind, AddressSet>,
    destinations: Destinations,
  ): void {
    for (const entry of this.#comparison.unchanged()) {
      if (!isDialled(entry) || familyOf(entry.tuple.address) !== this.#ground.family) continue;
      const endpoints = endpointsOf(entry);
      const leadsInto = (set: AddressSet | undefined) =>
        set !== undefined &&
        set.ranges.length > 0 &&
        endpoints.some(({ address }) => setContains(set, address));
      const kinds = leadsInto(destinations.differing)
        ? undefined
        : differing.filter((kind) => kind.differsToServices || leadsInto(moved.get(kind)));
      if (kinds?.length === 0) continue;
      const ports = portsOfEntry(entry);
      for (const reacher of reachers.of(ports, kinds)) this.#walkDialled(ports, reacher);
    }
  }

  #walkDialled(ports: DialledPorts, { kind, addresses }: Reacher): void {
    const { protocol, span } = ports;
    const destinations = singleSet(ports.address);
    const isRange = span.last > span.first;
    const shifts = {
      before: isRange && ports.entry.before?.kind === 'PodBinding',
      after: isRange && ports.entry.after?.kind === 'PodBinding',
    };
    for (const part of isRange ? cutSpans([span], cutsBehind(ports, kind)) : [span]) {
      this.#walk({ kind, sources: addresses, destinations, protocols: [protocol], ports: [part], shifts });
    }
  }

  #walk({ kind, sources, destinations, protocols, ports, shifts }: Walkable): void {
    const [protocol] = protocols;
    const port = parsePort(ports[0]?.first ?? 0);
    if (port === null || protocol === undefined) return;
    const source = firstOf(sources);
    const destination = firstOf(destinations);
    for (const { bit, representative: inputInterface } of this.#interfaces) {
      for (const { spans, representative: sourcePort } of kind.sourcePorts(protocol)) {
        const packet: Packet = {
          source,
          destination,
          protocol,
          port,
          ...(inputInterface === undefined ? {} : { inputInterface }),
          ...(sourcePort === undefined ? {} : { sourcePort }),
        };
        const outcome = this.#outcomes.of(packet, shifts);
        if (outcome === null) continue;
        if (this.#cells.length >= this.#most) throw new WhatIfTooLarge(this.#most);
        this.#cells.push({
          sources,
          destinations,
          protocols: protocols.reduce((bits, one) => bits | (1 << PROTOCOLS.indexOf(one)), 0),
          ports,
          interfaces: bit,
          sourcePorts: spans,
          outcome,
        });
      }
    }
  }
}

function firstOf({ family, ranges }: AddressSet) {
  return addressFromNumber(family, (ranges[0] as AddressRange).first);
}

function singleSet(address: IpAddress): AddressSet {
  return { family: familyOf(address), ranges: [singleAddress(addressNumber(address))] };
}

/** Where EgressRules for the sources begin to treat the ports of the pod behind a range differently. */
function cutsBehind({ protocol, entry }: DialledPorts, { choices }: SourceKind): number[] {
  const cuts = portCuts(protocol, choices);
  if (cuts.length === 0) return [];
  const behind = SIDES.flatMap((side) => {
    const binding = entry[side];
    if (binding?.kind !== 'PodBinding') return [];
    return cuts.map((cut) => cut - binding.endpoint.port + binding.tuple.port);
  });
  return [...new Set(behind)].sort((a, b) => a - b);
}
