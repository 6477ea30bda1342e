import { grouped } from '../base/collect.ts';
import { compareText } from '../model/text.ts';
import { joinedSpans, type PortSpan } from '../net/port.ts';
import { type AddressSet, unionOf } from '../net/ranges.ts';
import type { Outcome } from './outcome.ts';

/** Packets of one family with one outcome: the product of its fields. */
export interface Cell {
  readonly sources: AddressSet;
  readonly destinations: AddressSet;
  /** Bits of `PROTOCOLS`. */
  readonly protocols: number;
  readonly ports: readonly PortSpan[];
  /** Bits of the interface kinds. */
  readonly interfaces: number;
  readonly sourcePorts: readonly PortSpan[];
  readonly outcome: Outcome;
}

type Field = Exclude<keyof Cell, 'outcome'>;

const FIELDS: readonly Field[] = [
  'sourcePorts',
  'interfaces',
  'sources',
  'ports',
  'protocols',
  'destinations',
];

/** By family, destination, protocol, port, source and what else tells disjoint cells apart. */
export function compareCells(a: Cell, b: Cell): number {
  return (
    compareText(a.sources.family, b.sources.family) ||
    compareNumbers(a.destinations.ranges[0]?.first, b.destinations.ranges[0]?.first) ||
    a.protocols - b.protocols ||
    compareNumbers(a.ports[0]?.first, b.ports[0]?.first) ||
    compareNumbers(a.sources.ranges[0]?.first, b.sources.ranges[0]?.first) ||
    a.interfaces - b.interfaces ||
    compareNumbers(a.sourcePorts[0]?.first, b.sourcePorts[0]?.first)
  );
}

function compareNumbers<Num extends number | bigint>(a: Num | undefined, b: Num | undefined): number {
  return a === undefined || b === undefined || a === b ? 0 : a < b ? -1 : 1;
}

/** Joins cells that differ in one field alone, until none do. Cells that are disjoint stay so. */
export function mergedCells(cells: readonly Cell[]): readonly Cell[] {
  const merge = new Merge();
  // Cells with different outcomes never become one, and a large change has as many outcomes as objects.
  return [...grouped(cells, ({ outcome }) => outcome.key).values()].flatMap((alike) => merge.all(alike));
}

/** Equal values have equal numbers, which are made once: most cells share their values. */
class Merge {
  readonly #numbers = new WeakMap<object, number>();
  readonly #texts = new Map<string, number>();

  all(cells: readonly Cell[]): readonly Cell[] {
    let merged = cells;
    while (merged.length > 1) {
      const count = merged.length;
      for (const field of FIELDS) merged = this.#along(field, merged);
      if (merged.length === count) break;
    }
    return merged;
  }

  #along(field: Field, cells: readonly Cell[]): readonly Cell[] {
    if (cells.length === 1) return cells;
    const others = FIELDS.filter((other) => other !== field);
    const groups = grouped(cells, (cell) => others.map((other) => this.#number(cell[other])).join());
    if (groups.size === cells.length) return cells;
    return [...groups.values()].map((group) => joined(field, group));
  }

  #number(value: Cell[Field]): number {
    if (typeof value === 'number') return value;
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const ranges: readonly { readonly first: unknown; readonly last: unknown }[] =
      'ranges' in value ? value.ranges : value;
    const text = ranges.map(({ first, last }) => `${first}-${last}`).join();
    const number = this.#texts.get(text) ?? this.#texts.size;
    this.#texts.set(text, number);
    this.#numbers.set(value, number);
    return number;
  }
}

function joined(field: Field, group: readonly Cell[]): Cell {
  const [first] = group as [Cell];
  if (group.length === 1) return first;
  switch (field) {
    case 'sources':
    case 'destinations': {
      const ranges = group.flatMap((cell) => cell[field].ranges);
      return { ...first, [field]: unionOf(first[field].family, ranges) };
    }
    case 'ports':
    case 'sourcePorts':
      return { ...first, [field]: joinedSpans(group.flatMap((cell) => cell[field])) };
    case 'protocols':
    case 'interfaces':
      return { ...first, [field]: group.reduce((bits, cell) => bits | cell[field], 0) };
    default:
      return field satisfies never;
  }
}
