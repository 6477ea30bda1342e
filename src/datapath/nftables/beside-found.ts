import type { Difference } from '../../delta/delta.ts';
import type { Family } from '../../net/family.ts';
import type { ElementRecords } from '../../wire/nftables/records.ts';
import { type Contents, type Elements, elementComparison, type PlacedElement, place } from './element.ts';
import { pack } from './fields.ts';
import { type FoundElements, recordAsElement } from './found-elements.ts';
import { type SetName, type SetRow, setsOf } from './sets.ts';

/** The most bytes that key and value of an element have. */
const LARGEST = 256;

/**
 * Takes the elements that are wanted, each once, and compares them with those that were found; `difference` of delta.ts without
 * an object for each of the many that are equal.
 */
export class BesideFound implements Elements {
  readonly #found: FoundElements;
  readonly #others = new Map<string, PlacedElement>();
  /** Of each record whether it is wanted. */
  readonly #isWanted = new Map<ElementRecords, Uint8Array>();
  readonly #add: PlacedElement[] = [];
  readonly #remove: PlacedElement[] = [];
  readonly #bytes = new Uint8Array(LARGEST);

  constructor(found: FoundElements) {
    this.#found = found;
    for (const placed of found.others) this.#others.set(elementComparison.identity(placed), placed);
    for (const records of found.records.values()) this.#isWanted.set(records, new Uint8Array(records.count));
  }

  put<Name extends SetName>(family: Family, set: Name, contents: Contents<Name>): void {
    const row: SetRow = setsOf(family)[set];
    const records = this.#found.records.get(row);
    if (records === undefined) {
      this.place(place(family, set, contents));
      return;
    }
    const { key, data } = contents;
    pack(row.fields, key, this.#bytes);
    if (data !== undefined) pack(row.values, data, this.#bytes, row.width);
    const record = this.#see(records);
    if (record >= 0 && records.hasValue(record, this.#bytes, row.width)) return;
    if (record >= 0) this.#remove.push(recordAsElement(row, records, record));
    this.#add.push(place(family, set, contents));
  }

  place(placed: PlacedElement): void {
    const { family, set, element } = placed;
    const row: SetRow = setsOf(family)[set];
    const records = this.#found.records.get(row);
    if (records === undefined) {
      this.#placeOther(placed);
      return;
    }
    const { key, data } = element;
    this.#bytes.set(key);
    if (data !== undefined) this.#bytes.set(data, row.width);
    const record = this.#see(records);
    if (record >= 0 && records.hasValue(record, this.#bytes, row.width)) return;
    if (record >= 0) this.#remove.push(recordAsElement(row, records, record));
    this.#add.push(placed);
  }

  /** What is to be written. Call it once, when all that is wanted was given. */
  difference(): Difference<PlacedElement> {
    for (const placed of this.#others.values()) this.#remove.push(placed);
    for (const [row, records] of this.#found.records) {
      const isWanted = this.#isWanted.get(records);
      for (let record = 0; record < records.count; record++) {
        if (isWanted?.[record] !== 1) this.#remove.push(recordAsElement(row, records, record));
      }
    }
    return { add: this.#add, remove: this.#remove };
  }

  /** The record with the key in `#bytes`, which is wanted; -1 for none. */
  #see(records: ElementRecords): number {
    const record = records.find(this.#bytes, 0);
    const isWanted = this.#isWanted.get(records);
    if (record >= 0 && isWanted !== undefined) isWanted[record] = 1;
    return record;
  }

  #placeOther(placed: PlacedElement): void {
    const name = elementComparison.identity(placed);
    const existing = this.#others.get(name);
    this.#others.delete(name);
    if (existing !== undefined) {
      if (elementComparison.value(existing) === elementComparison.value(placed)) return;
      this.#remove.push(existing);
    }
    this.#add.push(placed);
  }
}
