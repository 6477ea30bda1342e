import type { Family } from '../../net/family.ts';
import { net32 } from '../../wire/bytes.ts';
import { type Contents, type Elements, elementComparison, type PlacedElement, place } from './element.ts';
import { pack } from './fields.ts';
import { type SetName, type SetRow, setsOf } from './sets.ts';
import { UseCount } from './use-count.ts';

/** Counts the users of elements that several entries may have (`isShared`). */
export function noUses(): UseCount<PlacedElement> {
  return new UseCount(sharedName);
}

/** Two elements with one name are the same. IPv4 addresses, which are most of them, have a number: it takes the least memory. */
export function sharedName(placed: PlacedElement): string | number {
  const { family, set, element } = placed;
  const row: SetRow = setsOf(family)[set];
  if (row.width !== 4 || element.keyEnd !== undefined) return elementComparison.identity(placed);
  return numberName(row, element.key);
}

function numberName({ index }: SetRow, key: Uint8Array): number {
  return index * 2 ** 32 + net32(key, 0);
}

/** Counts the shared elements among those that it takes, and passes the others on; of the shared ones, each once. */
export class CountingShared implements Elements {
  readonly uses = noUses();
  readonly #out: Elements | null;
  readonly #key = new Uint8Array(4);

  /** @param out null: only counts */
  constructor(out: Elements | null) {
    this.#out = out;
  }

  put<Name extends SetName>(family: Family, set: Name, contents: Contents<Name>): void {
    const row: SetRow = setsOf(family)[set];
    if (!row.isShared || this.uses.add(this.#nameOf(family, set, row, contents))) {
      this.#out?.put(family, set, contents);
    }
  }

  #nameOf<Name extends SetName>(
    family: Family,
    set: Name,
    row: SetRow,
    contents: Contents<Name>,
  ): string | number {
    if (row.width !== 4 || contents.last !== undefined) return sharedName(place(family, set, contents));
    pack(row.fields, contents.key, this.#key);
    return numberName(row, this.#key);
  }
}
