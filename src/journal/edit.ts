import { deepEqual } from '../model/equal.ts';

/**
 * What makes one plain value of another, as JSON:
 * - `[value]`: this value instead;
 * - `[at, edit]`: the item of a list with this index, edited;
 * - `[at, removed, items]`: from this index of a list on, as many items are removed, and these are put there;
 * - `{key: edit, …}`: fields of an object, edited; `0` removes a field.
 */
export type Edit =
  | readonly [unknown]
  | readonly [number, Edit]
  | readonly [number, number, readonly unknown[]]
  | { readonly [key: string]: Edit | 0 };

type Fields = Readonly<Record<string, unknown>>;

/** Null: the values are equal. Values are plain data, as `deepEqual` takes them. */
export function editOf(before: unknown, after: unknown): Edit | null {
  if (before === after) return null;
  if (Array.isArray(before) && Array.isArray(after)) return listEdit(before, after);
  if (isFields(before) && isFields(after)) return fieldsEdit(before, after);
  return deepEqual(before, after) ? null : [after];
}

/** The value after the edit; the value before is not changed. */
export function edited(value: unknown, edit: Edit): unknown {
  if (!isList(edit)) return editedFields(value as Fields, edit);
  if (edit.length === 1) return edit[0];
  const list = [...(value as readonly unknown[])];
  if (edit.length === 2) list[edit[0]] = edited(list[edit[0]], edit[1]);
  else list.splice(edit[0], edit[1], ...edit[2]);
  return list;
}

function listEdit(before: readonly unknown[], after: readonly unknown[]): Edit | null {
  const shorter = Math.min(before.length, after.length);
  let first = 0;
  while (first < shorter && deepEqual(before[first], after[first])) first++;
  if (first === before.length && first === after.length) return null;
  let same = 0;
  while (same < shorter - first && deepEqual(before.at(-1 - same), after.at(-1 - same))) same++;
  const removed = before.length - same - first;
  const items = after.slice(first, after.length - same);
  const [item] = items;
  if (removed !== 1 || items.length !== 1) return [first, removed, items];
  const inner = editOf(before[first], item);
  return inner === null ? null : [first, inner];
}

function fieldsEdit(before: Fields, after: Fields): Edit | null {
  // An assignment to such a field would set the prototype.
  if (hasPrototype(before) || hasPrototype(after)) return deepEqual(before, after) ? null : [after];
  const edit: Record<string, Edit | 0> = {};
  let count = 0;
  for (const key in after) {
    const inner = Object.hasOwn(before, key) ? editOf(before[key], after[key]) : ([after[key]] as const);
    if (inner === null) continue;
    edit[key] = inner;
    count++;
  }
  for (const key in before) {
    if (Object.hasOwn(after, key)) continue;
    edit[key] = 0;
    count++;
  }
  return count === 0 ? null : edit;
}

function editedFields(value: Fields, edit: { readonly [key: string]: Edit | 0 }): Fields {
  const result: Record<string, unknown> = { ...value };
  for (const [key, inner] of Object.entries(edit)) {
    if (inner === 0) delete result[key];
    else result[key] = edited(value[key], inner);
  }
  return result;
}

function hasPrototype(value: Fields): boolean {
  return Object.hasOwn(value, '__proto__');
}

function isList(edit: Edit): edit is Exclude<Edit, { readonly [key: string]: Edit | 0 }> {
  return Array.isArray(edit);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
