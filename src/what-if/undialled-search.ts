import { grouped } from '../base/collect.ts';
import { PROTOCOLS } from '../net/protocol.ts';
import { type AddressRange, type AddressSet, unionOf } from '../net/ranges.ts';
import { type Cell, mergedCells } from './cell.ts';
import { type DestinationKind, type Destinations, portCells } from './destinations.ts';
import { type Frame, frameOfAddress } from './frame.ts';
import type { InterfaceKind } from './interfaces.ts';
import type { Outcomes } from './outcome.ts';
import type { SourceKind } from './sources.ts';
import { walkedCells } from './walker.ts';

/** What becomes of packets to all destinations of one shape. */
interface ShapeCells {
  /** Merged; the destinations and the names are those of one of the destinations. */
  readonly cells: readonly Cell[];
  /** The kinds of sources whose fate differs somewhere. */
  readonly moved: ReadonlySet<SourceKind>;
}

/** Packets to ports of no Service and no binding. One walk answers for all destinations of one shape. */
export class UndialledSearch {
  readonly #destinations: Destinations;
  readonly #interfaces: readonly InterfaceKind[];
  readonly #outcomes: Outcomes;

  constructor(destinations: Destinations, interfaces: readonly InterfaceKind[], outcomes: Outcomes) {
    this.#destinations = destinations;
    this.#interfaces = interfaces;
    this.#outcomes = outcomes;
  }

  /**
   * @param found takes the cells whose fate differs
   * @returns the destinations towards which the source may differ, for each kind of sources
   */
  search(
    kinds: readonly SourceKind[],
    found: (cells: readonly Cell[]) => void,
  ): ReadonlyMap<SourceKind, AddressSet> {
    const moved = new Map<SourceKind, AddressSet>();
    for (const alike of grouped(kinds, ({ rules }) => rules).values()) this.#searchAlike(alike, found, moved);
    return moved;
  }

  /** @param kinds with the same rules, so that destinations are cut in the same way for all of them */
  #searchAlike(
    kinds: readonly SourceKind[],
    found: (cells: readonly Cell[]) => void,
    into: Map<SourceKind, AddressSet>,
  ): void {
    const [{ addresses: of }] = kinds as [SourceKind];
    const { constant } = this.#destinations;
    const moved = new Map(kinds.map((kind): [SourceKind, AddressRange[]] => [kind, [...constant.ranges]]));
    const byShape = new Map<string, ShapeCells>();
    for (const destination of this.#destinations.kinds(kinds[0] as SourceKind)) {
      const { addresses: destinations, differs, dialled, owner, shape } = destination;
      const asked = differs ? kinds : kinds.filter((kind) => kind.differs);
      if (asked.length === 0) continue;
      const frame = frameOfAddress(owner);
      let known = byShape.get(shape);
      if (known === undefined) {
        known = this.#walkShape(asked, destination, frame);
        byShape.set(shape, known);
      }
      found(known.cells.map((cell) => this.#cellAt(cell, destinations, frame)));
      const isDialled = PROTOCOLS.some((protocol) => dialled[protocol].length > 0);
      for (const kind of isDialled ? asked : known.moved) moved.get(kind)?.push(...destinations.ranges);
    }
    for (const [kind, ranges] of moved) into.set(kind, unionOf(of.family, ranges));
  }

  #cellAt(cell: Cell, destinations: AddressSet, frame: Frame): Cell {
    const { sources, protocols, ports, interfaces, sourcePorts, outcome } = cell;
    const named = this.#outcomes.in(outcome.form, frame);
    return { sources, destinations, protocols, ports, interfaces, sourcePorts, outcome: named };
  }

  #walkShape(kinds: readonly SourceKind[], destination: DestinationKind, frame: Frame): ShapeCells {
    const moved = new Set<SourceKind>();
    const cells = kinds.flatMap((kind) => {
      const found = this.#walk(kind, destination, frame);
      if (found.length > 0) moved.add(kind);
      return found;
    });
    return { cells: mergedCells(cells), moved };
  }

  #walk(kind: SourceKind, { addresses, dialled }: DestinationKind, frame: Frame): Cell[] {
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
}
