import { familyOf } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { type AddressSet, setContains } from '../net/ranges.ts';
import { type Cell, mergedCells } from './cell.ts';
import type { Comparison } from './comparison.ts';
import { Destinations } from './destinations.ts';
import { changedPorts, endpointsOf, isDialled, portsOfEntry } from './dialled.ts';
import { DialledSearch } from './dialled-search.ts';
import { type Ground, groundOf } from './ground.ts';
import { type InterfaceKind, interfaceKinds } from './interfaces.ts';
import { WhatIfTooLarge } from './limit.ts';
import { Outcomes } from './outcome.ts';
import { type SourceKind, sourceKinds } from './sources.ts';
import { UndialledSearch } from './undialled-search.ts';

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
    const undialled = new UndialledSearch(destinations, this.#interfaces, this.#outcomes);
    const moved = undialled.search(kinds, (cells) => this.#add(cells));
    this.#walkUnchanged(dialled, differing, moved, destinations);
    return this.#cells;
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
