/** What follows from the rows of set-table.ts: declarations, names, and how keys and values are packed. */
import type { IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type AddressGiven, type Field, type Fields, type Given, loadOf, widthOf } from './fields.ts';
import { set } from './ruleset/build.ts';
import type { SetNode } from './ruleset/nodes.ts';
import { type Columns, columnsOf } from './set-table.ts';

/** A row with the declaration that follows from it. */
export interface SetRow<C extends Columns = Columns>
  extends SetNode,
    Pick<C, 'entries' | 'objects' | 'unread'> {
  readonly family: Family;
  /** Its number among the sets of both families. */
  readonly index: number;
  /** Of a key. */
  readonly fields: C['key'];
  /** Bytes of a key. */
  readonly width: number;
  /** Of a value; none for a set or a verdict map. */
  readonly values: C['data'] extends Fields ? C['data'] : Fields;
  /** Bytes of a value that is no range. */
  readonly valueWidth: number;
  /** Keys are ranges of one field: the kernel has each as two elements. */
  readonly isPaired: boolean;
  readonly isShared: boolean;
  readonly translates: Columns['translates'] | null;
}

type Declared = ReturnType<typeof columnsOf>;
type Rows = { readonly [Name in keyof Declared]: SetRow<Declared[Name]> };

/** A set or map that we fill; packets fill the others. */
export type SetName = {
  [Name in keyof Declared]: Declared[Name]['unread'] extends 'packets' ? never : Name;
}[keyof Declared];

/** Sets that have one address, or ranges of addresses, as their keys. */
export type AddressSetName = {
  [Name in SetName]: Declared[Name]['key'] extends readonly [Field<AddressGiven, IpAddress>] ? Name : never;
}[SetName];

export type KeyOf<Name extends SetName> = Given<Declared[Name]['key']>;
export type DataOf<Name extends SetName> = Given<Rows[Name]['values']>;

function rowsOf(family: Family): Rows {
  const rows = Object.entries<Columns>(columnsOf(family));
  return Object.fromEntries(
    rows.map(([name, columns], index) => [
      name,
      rowOf(family, family === 'IPv4' ? index : rows.length + index, name, columns),
    ]),
  ) as Rows;
}

function rowOf(family: Family, index: number, name: string, { comment, key, ...columns }: Columns): SetRow {
  const { interval = false, intervalData = false, dynamicSize = null } = columns;
  const { entries, objects, unread, isShared = false, translates = null } = columns;
  const { data = null } = columns;
  const values = data === null || data === 'verdict' ? [] : data;
  const value = data === null || data === 'verdict' ? data : loadOf(data);
  const declared = set(name, loadOf(key), comment, { data: value, interval, intervalData, dynamicSize });
  const packed = { family, index, fields: key, width: widthOf(key), values, valueWidth: widthOf(values) };
  const isPaired = interval && key.length === 1;
  return Object.freeze({ ...declared, ...packed, isPaired, entries, objects, unread, isShared, translates });
}

const byFamily: Readonly<Record<Family, Rows>> = { IPv4: rowsOf('IPv4'), IPv6: rowsOf('IPv6') };

/** All sets and maps of a family's table, by their names. */
export function setsOf(family: Family): Rows {
  return byFamily[family];
}

/** In the order in which they stand in the table. */
export function allSets(family: Family): readonly SetRow[] {
  return Object.values(byFamily[family]);
}

/** The sets that we fill, in their order in the table. */
export const SET_NAMES: readonly SetName[] = allSets('IPv4')
  .filter(({ unread }) => unread !== 'packets')
  .map(({ name }) => name as SetName);
