/**
 * Values cannot be replaced in place, so a changed item is both removed and added:
 *
 *     add    = missing ∪ { desired | same identity, other value }
 *     remove = extra   ∪ { actual  | same identity, other value }
 */
export interface Difference<Item> {
  readonly add: readonly Item[];
  readonly remove: readonly Item[];
}

/** Items with the same `identity` are the same item; it changed when `value` differs. */
export interface Comparison<Item> {
  identity(item: Item): string;
  value(item: Item): string;
}

/** What to add to and remove from `actual` so that it equals `desired`. */
export function difference<Item>(
  desired: Iterable<Item>,
  actual: Iterable<Item>,
  { identity, value }: Comparison<Item>,
): Difference<Item> {
  const left = new Map<string, Item>();
  for (const item of actual) left.set(identity(item), item);
  const add: Item[] = [];
  const remove: Item[] = [];
  for (const item of desired) {
    const name = identity(item);
    const existing = left.get(name);
    left.delete(name);
    if (existing === undefined) add.push(item);
    else if (value(existing) !== value(item)) {
      remove.push(existing);
      add.push(item);
    }
  }
  for (const extra of left.values()) remove.push(extra);
  return { add, remove };
}
