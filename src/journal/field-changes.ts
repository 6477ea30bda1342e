import type { FieldChange } from '../forms/journal.ts';
import { deepEqual } from '../model/equal.ts';

/** Longest text of a value, and most items of a list; the rest is counted. */
const LONGEST = 200;
const MOST_ITEMS = 20;

/** What the name already says, or what no packet depends on. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'namespace',
  'name',
  'uid',
  'createdAt',
  'lastChangeTriggerAt',
  'kind',
  'key',
  'owner',
]);

type Fields = Readonly<Record<string, unknown>>;

/** The fields that differ between two plain objects; null: there is none, so all fields of the other one that say anything. */
export function fieldChanges(before: unknown, after: unknown): FieldChange[] {
  const [from, to] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((field) => {
    if (LEFT_OUT.has(field)) return [];
    const change = fieldChange(field, from[field] ?? null, to[field] ?? null);
    return change === null ? [] : [change];
  });
}

function fieldChange(field: string, before: unknown, after: unknown): FieldChange | null {
  if (deepEqual(before, after) || (isNothing(before) && isNothing(after))) return null;
  if (!isListOrNull(before) || !isListOrNull(after)) {
    return { field, before: valueText(before), after: valueText(after), added: [], removed: [] };
  }
  const [from, to] = [(before ?? []).map(itemText), (after ?? []).map(itemText)];
  const [had, has] = [new Set(from), new Set(to)];
  const added = few(to.filter((item) => !had.has(item)));
  const removed = few(from.filter((item) => !has.has(item)));
  // Only what no text shows differs, or the order.
  if (added.length === 0 && removed.length === 0) return null;
  return { field, before: null, after: null, added, removed };
}

function few(items: readonly string[]): readonly string[] {
  const rest = items.length - MOST_ITEMS;
  return rest <= 0 ? items : [...items.slice(0, MOST_ITEMS), `and ${rest} more`];
}

function valueText(value: unknown): string | null {
  return value === null ? null : itemText(value);
}

/** Prefixes, endpoints and ports as people write them. */
function itemText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return cut(String(value));
  const { address, length, state, protocol, port, nodePort, families } = value as Fields;
  if (typeof address === 'string' && typeof length === 'number') return `${address}/${length}`;
  if (typeof address === 'string' && typeof state === 'object') return address + stateText(state as Fields);
  if (typeof protocol === 'string' && typeof port === 'number' && !('address' in value)) {
    return `${port}/${protocol}${typeof nodePort === 'number' ? ` (node port ${nodePort})` : ''}`;
  }
  if (typeof protocol === 'string' && typeof port === 'number' && Array.isArray(families)) {
    return `${port}/${protocol} on ${typeof address === 'string' ? address : `all addresses (${families.join(', ')})`}`;
  }
  return cut(JSON.stringify(value));
}

function stateText({ ready, serving, terminating }: Fields): string {
  const words = [
    ...(ready === true ? [] : ['not ready']),
    ...(terminating === true ? ['terminating'] : []),
    ...(ready !== true && serving === true ? ['still serving'] : []),
  ];
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

function isNothing(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function isListOrNull(value: unknown): value is readonly unknown[] | null {
  return value === null || Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
