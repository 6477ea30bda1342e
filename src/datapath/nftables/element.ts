import type { Comparison } from '../../delta/delta.ts';
import { addressFromBytes, addressNumber } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import type { AddressRange, AddressSet } from '../../net/ranges.ts';
import { latin1 } from '../../wire/bytes.ts';
import type { SetElement, Verdict } from '../../wire/nftables/element.ts';
import { type Fields, fieldsOf, pack } from './fields.ts';
import { type AddressSetName, type DataOf, type KeyOf, type SetName, type SetRow, setsOf } from './sets.ts';

/** An element with the set that it belongs to, in the table of its family. */
export interface PlacedElement {
  readonly family: Family;
  readonly set: SetName;
  readonly element: SetElement;
}

/** The contents of an element, field by field as its set's row has them. */
export interface Contents<Name extends SetName> {
  readonly key: KeyOf<Name>;
  /** The last key of a range. */
  readonly last?: KeyOf<Name>;
  readonly data?: DataOf<Name>;
  /** The last value of a range. */
  readonly lastData?: DataOf<Name>;
  readonly verdict?: Verdict;
}

/** Takes elements, by the contents of their fields, which the caller may use again for the next one. */
export interface Elements {
  put<Name extends SetName>(family: Family, set: Name, contents: Contents<Name>): void;
}

/** Keeps them as they come. */
export class PlacedElements implements Elements {
  readonly all: PlacedElement[] = [];

  put<Name extends SetName>(family: Family, set: Name, contents: Contents<Name>): void {
    this.all.push(place(family, set, contents));
  }
}

/** The row of the element's set. */
export function rowOf({ family, set }: Pick<PlacedElement, 'family' | 'set'>): SetRow {
  return setsOf(family)[set];
}

/** Several entries may have the element. */
export function isShared(placed: PlacedElement): boolean {
  return rowOf(placed).isShared;
}

/** Makes an element of the set. */
export function place<Name extends SetName>(
  family: Family,
  set: Name,
  { key, last, data, lastData, verdict }: Contents<Name>,
): PlacedElement {
  const { fields, width, values, valueWidth }: SetRow = setsOf(family)[set];
  const first = packed(fields, width, key);
  // Most elements have one of these shapes, which are cheap to make.
  if (last === undefined && verdict === undefined) {
    if (data === undefined) return { family, set, element: { key: first } };
    return { family, set, element: { key: first, data: packed(values, valueWidth, data) } };
  }
  const element = {
    key: first,
    ...(last === undefined ? {} : { keyEnd: packed(fields, width, last) }),
    ...(data === undefined ? {} : { data: packed(values, valueWidth, data, lastData) }),
    ...(verdict === undefined ? {} : { verdict }),
  };
  return { family, set, element };
}

/** The contents one behind the other; of a range, its first and its last. */
function packed(
  fields: Fields,
  width: number,
  first: readonly unknown[],
  last?: readonly unknown[],
): Uint8Array {
  const bytes = new Uint8Array(last === undefined ? width : 2 * width);
  pack(fields, first, bytes);
  if (last !== undefined) pack(fields, last, bytes, width);
  return bytes;
}

/** An element for each range of addresses. */
export function placeRanges(set: AddressSetName, ranges: AddressSet): PlacedElement[] {
  const placed = new PlacedElements();
  putRanges(placed, set, ranges);
  return placed.all;
}

/** The same into what takes them. */
export function putRanges<Name extends AddressSetName>(
  out: Elements,
  set: Name,
  { family, ranges }: AddressSet,
  value: Pick<Contents<Name>, 'data' | 'verdict'> = {},
): void {
  for (const { first, last } of ranges) {
    out.put(family, set, { key: [first], last: [last], ...value } as unknown as Contents<Name>);
  }
}

/** The addresses that the first field of the key has. */
export function addressesOf({ family, element: { key, keyEnd = key } }: PlacedElement): AddressRange {
  const { addressBytes } = fieldsOf(family);
  const bound = (bytes: Uint8Array) => addressNumber(addressFromBytes(bytes.subarray(0, addressBytes)));
  return { first: bound(key), last: bound(keyEnd) };
}

/** Elements are one when family, set, keys and kind of bound are; they are the same when their value is too. */
export const elementComparison: Comparison<PlacedElement> = {
  identity: ({ family, set, element }) => {
    const { key, keyEnd, intervalEnd } = element;
    const bound = `${intervalEnd === true ? '<' : ''}${keyEnd === undefined ? '' : latin1(keyEnd)}`;
    return `${family} ${set} ${latin1(key)}${bound}`;
  },
  value: ({ element: { data, verdict } }) =>
    data !== undefined ? latin1(data) : verdict === undefined ? '' : `${verdict.code} ${verdict.chain ?? ''}`,
};

/** Whether they have one identity, without making its text: for elements without a value. */
export function isSame(one: PlacedElement, other: PlacedElement | undefined): boolean {
  if (other === undefined || one.set !== other.set || one.family !== other.family) return false;
  const [a, b] = [one.element, other.element];
  return (
    a.intervalEnd === b.intervalEnd &&
    hasBytesOf(a.key, b.key) &&
    hasBytesOf(a.keyEnd ?? none, b.keyEnd ?? none)
  );
}

const none = new Uint8Array();

function hasBytesOf(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
