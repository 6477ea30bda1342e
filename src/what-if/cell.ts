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

/** Joins cells that differ in one field alone, until none do. Cells that are disjoint stay so. */
export function mergedCells(cells: readonly Cell[]): readonly Cell[] {
  const merge = new Merge();
  let merged = cells;
  for (;;) {
    const count = merged.length;
    for (const field of FIELDS) merged = merge.along(field, merged);
    if (merged.length === count) return merged;
  }
}

/** Texts of fields are made once, since most cells share them. */
class Merge {
  readonly #texts = new WeakMap<object, string>();

  along(field: Field, cells: readonly Cell[]): readonly Cell[] {
    const others = FIELDS.filter((other) => other !== field);
    const groups = new Map<string, Cell[]>();
    for (const cell of cells) {
      const key = [cell.outcome.key, ...others.map((other) => this.#text(cell[other]))].join('|');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [cell]);
      else group.push(cell);
    }
    if (groups.size === cells.length) return cells;
    return [...groups.values()].map((group) => joined(field, group));
  }

  #text(value: Cell[Field]): string {
    if (typeof value === 'number') return String(value);
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const ranges: readonly { readonly first: unknown; readonly last: unknown }[] =
      'ranges' in value ? value.ranges : value;
    const text = ranges.map(({ first, last }) => `${first}-${last}`).join(',');
    this.#texts.set(value, text);
    return text;
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
