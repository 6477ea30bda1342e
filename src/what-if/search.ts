import { familyOf } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressRange, type AddressSet, setContains, unionOf } from '../net/ranges.ts';
import { type Cell, mergedCells } from './cell.ts';
import type { Comparison } from './comparison.ts';
import { type DestinationKind, Destinations, portCells } from './destinations.ts';
import { changedPorts, endpointsOf, isDialled, portsOfEntry } from './dialled.ts';
import { DialledSearch } from './dialled-search.ts';
import { type Frame, frameOfAddress } from './frame.ts';
import { type Ground, groundOf } from './ground.ts';
import { type InterfaceKind, interfaceKinds } from './interfaces.ts';
import { WhatIfTooLarge } from './limit.ts';
import { Outcomes } from './outcome.ts';
import { type SourceKind, sourceKinds } from './sources.ts';
import { walkedCells } from './walker.ts';

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
    const dialled = new DialledSearch(
      kinds,
      this.#ground,
      this.#comparison,
      this.#interfaces,
      this.#outcomes,
    );
    for (const ports of changedPorts(this.#ground.family, this.#comparison)) this.#add(dialled.cells(ports));
    const differing = kinds.filter(({ differs }) => differs);
    const destinations = new Destinations(this.#ground, this.#comparison, differing.length > 0);
    if (differing.length === 0 && destinations.differing.ranges.length === 0) return this.#cells;
    const moved = new Map(kinds.map((kind) => [kind, this.#walkUndialled(kind, destinations)]));
    this.#walkUnchanged(dialled, differing, moved, destinations);
    return this.#cells;
  }

  /** Packets to ports of no Service and no binding. Returns the destinations towards which the source may differ. */
  #walkUndialled(kind: SourceKind, destinations: Destinations): AddressSet {
    const moved: AddressRange[] = [...destinations.constant.ranges];
    const byShape = new Map<string, readonly Cell[]>();
    for (const destination of destinations.kinds(kind)) {
      const { addresses, differs, dialled, owner, shape } = destination;
      if (!kind.differs && !differs) continue;
      const frame = frameOfAddress(owner);
      let cells = byShape.get(shape);
      if (cells === undefined) {
        cells = this.#walkDestination(kind, destination, frame);
        byShape.set(shape, cells);
      }
      this.#add(
        cells.map((cell) => {
          return { ...cell, destinations: addresses, outcome: this.#outcomes.in(cell.outcome.form, frame) };
        }),
      );
      const isWhole = PROTOCOLS.every((protocol) => dialled[protocol].length === 0);
      if (!isWhole || cells.length > 0) moved.push(...addresses.ranges);
    }
    return unionOf(this.#ground.family, moved);
  }

  #walkDestination(kind: SourceKind, { addresses, dialled }: DestinationKind, frame: Frame): Cell[] {
    // Protocols without a port of a Service or binding are alike, unless a rule for the sources names one.
    const undialled = PROTOCOLS.filter((protocol) => dialled[protocol].length === 0);
    const groups = PROTOCOLS.filter((protocol) => dialled[protocol].length > 0).map((one) => [one]);
    groups.push(...(kind.asksProtocol ? undialled.map((one) => [one]) : [undialled]));
    return groups.flatMap((protocols) => {
      const [protocol] = protocols;
      if (protocol === undefined) return [];
      return portCells(protocol, kind.choices, dialled).flatMap(({ spans }) => {
        const walkable = { kind, sources: kind.addresses, destinations: addresses, protocols, ports: spans };
        return walkedCells(walkable, this.#interfaces, this.#outcomes, frame);
      });
    });
  }

  /** Services and bindings that are the same on both sides, where their endpoints or the sources are not. */
  #walkUnchanged(
    dialled: DialledSearch,
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
      this.#add(dialled.cells(portsOfEntry(entry), kinds));
    }
  }

  #add(cells: readonly Cell[]): void {
    if (this.#cells.length + cells.length > this.#most) throw new WhatIfTooLarge(this.#most);
    this.#cells.push(...cells);
  }
}
