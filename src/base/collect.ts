/** Items of one key keep their order. */
export function grouped<Key, Item>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) addTo(groups, keyOf(item), item);
  return groups;
}

export function addTo<Key, Item>(groups: Map<Key, Item[]>, key: Key, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

/** Joins alike neighbours into one row that ends where the last ends. The rows must be in order and not overlap. */
export function joinedRows<Row extends { readonly last: unknown }>(
  rows: Iterable<Row>,
  isAlike: (row: Row, next: Row) => boolean,
): Row[] {
  const joined: Row[] = [];
  for (const row of rows) {
    const previous = joined.at(-1);
    if (previous !== undefined && isAlike(previous, row))
      joined[joined.length - 1] = { ...previous, last: row.last };
    else joined.push(row);
  }
  return joined;
}

/** The index of the first reached item, or the length; all items after it must be reached, too. Costs log n. */
export function firstReached<Item>(sorted: ArrayLike<Item>, isReached: (item: Item) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isReached(sorted[middle] as Item)) high = middle;
    else low = middle + 1;
  }
  return low;
}
