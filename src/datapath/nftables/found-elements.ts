import type { SetElement } from '../../wire/nftables/element.ts';
import type { ElementRecords } from '../../wire/nftables/records.ts';
import { type PlacedElement, rowOf } from './element.ts';
import type { SetName, SetRow } from './sets.ts';

/**
 * The elements that were read from a table. Those of hash tables with plain values, which grow with the cluster, are records;
 * only who asks for them gets them as objects.
 */
export class FoundElements implements Iterable<PlacedElement> {
  readonly records = new Map<SetRow, ElementRecords>();
  readonly others: PlacedElement[] = [];

  static of(elements: Iterable<PlacedElement>): FoundElements {
    const found = new FoundElements();
    for (const placed of elements) found.others.push(placed);
    return found;
  }

  get isEmpty(): boolean {
    return this.others.length === 0 && [...this.records.values()].every(({ count }) => count === 0);
  }

  addElements({ family, name }: SetRow, elements: readonly SetElement[]): void {
    for (const element of elements) this.others.push({ family, set: name as SetName, element });
  }

  /** How many there are of each set that has any. */
  counts(): Map<SetRow, number> {
    const counts = new Map<SetRow, number>();
    for (const placed of this.others) counts.set(rowOf(placed), (counts.get(rowOf(placed)) ?? 0) + 1);
    for (const [row, { count }] of this.records) if (count > 0) counts.set(row, count);
    return counts;
  }

  *[Symbol.iterator](): Iterator<PlacedElement> {
    yield* this.others;
    for (const [row, records] of this.records) {
      for (let record = 0; record < records.count; record++) yield recordAsElement(row, records, record);
    }
  }
}

export function recordAsElement(
  { family, name }: SetRow,
  records: ElementRecords,
  record: number,
): PlacedElement {
  const key = records.keyOf(record);
  const element = records.valueLength === 0 ? { key } : { key, data: records.valueOf(record) };
  return { family, set: name as SetName, element };
}

/** Whether elements of the set are records: no ranges, and no verdicts. */
export function hasRecords({ interval, data }: SetRow): boolean {
  return !interval && data !== 'verdict';
}
