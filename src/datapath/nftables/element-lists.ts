import type { Family } from '../../net/family.ts';
import { ByteWriter } from '../../wire/bytes.ts';
import { type Batch, LIST_LIMIT } from '../../wire/nftables/batch.ts';
import { DATA_BEHIND, frameElement, writeElement } from '../../wire/nftables/element.ts';
import { type Contents, type Elements, type PlacedElement, place } from './element.ts';
import { pack } from './fields.ts';
import { toKernel } from './range-elements.ts';
import { nftFamily } from './ruleset/text.ts';
import { type SetName, type SetRow, setsOf } from './sets.ts';

/** Lists keep no larger buffers from one transaction to the next. */
const MOST_KEPT = 1 << 12;

/**
 * Elements on their way into a batch, those of one set together. Contents become bytes at once: no element is kept as an
 * object, and a small change takes no new memory.
 */
export class ElementLists implements Elements {
  readonly #lists = new Map<SetRow, ByteWriter>();
  readonly #used: SetRow[] = [];
  #batch: Batch | null = null;
  #table = '';
  #message: 'NFT_MSG_NEWSETELEM' | 'NFT_MSG_DELSETELEM' = 'NFT_MSG_NEWSETELEM';
  #count = 0;

  /** The elements from now on to `end` are deleted from the sets of this table, or added to them. */
  begin(what: 'delete' | 'add', batch: Batch, table: string): void {
    this.#batch = batch;
    this.#table = table;
    this.#message = what === 'add' ? 'NFT_MSG_NEWSETELEM' : 'NFT_MSG_DELSETELEM';
    this.#count = 0;
    for (const row of this.#used) this.#lists.get(row)?.shrink(MOST_KEPT); // an error has kept `end` from being called
    this.#used.length = 0;
  }

  /** Returns how many they are. */
  end(): number {
    for (const row of this.#used) this.#flush(row, this.#listOf(row));
    this.#used.length = 0;
    this.#batch = null;
    return this.#count;
  }

  put<Name extends SetName>(family: Family, set: Name, contents: Contents<Name>): void {
    const row: SetRow = setsOf(family)[set];
    const { key, data, last, verdict } = contents;
    if (last !== undefined || verdict !== undefined) {
      this.place(place(family, set, contents));
      return;
    }
    const { fields, width, values, valueWidth } = row;
    const list = this.#next(row);
    const at = frameElement(list, width, data === undefined ? 0 : valueWidth);
    pack(fields, key, list.bytes, at);
    if (data !== undefined) pack(values, data, list.bytes, at + width + DATA_BEHIND);
  }

  place({ family, set, element }: PlacedElement): void {
    const row: SetRow = setsOf(family)[set];
    const list = this.#next(row);
    for (const each of toKernel(row, [element])) writeElement(list, each);
  }

  /** The list of the set, with room for one more element. */
  #next(row: SetRow): ByteWriter {
    this.#count++;
    const list = this.#listOf(row);
    if (list.length === 0) this.#used.push(row);
    else if (list.length > LIST_LIMIT) this.#write(row, list);
    return list;
  }

  #listOf(row: SetRow): ByteWriter {
    let list = this.#lists.get(row);
    if (list === undefined) {
      list = new ByteWriter();
      this.#lists.set(row, list);
    }
    return list;
  }

  #write(row: SetRow, list: ByteWriter): void {
    this.#batch?.writtenElements(this.#message, nftFamily[row.family], this.#table, row.name, list);
    list.length = 0;
  }

  #flush(row: SetRow, list: ByteWriter): void {
    this.#write(row, list);
    list.shrink(MOST_KEPT);
  }
}
