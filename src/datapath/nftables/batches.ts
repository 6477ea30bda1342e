import type { Difference } from '../../delta/delta.ts';
import type { Family } from '../../net/family.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import type { PlacedElement } from './element.ts';
import { ElementLists } from './element-lists.ts';
import { beginChanges, endChanges, type FamilyChanges, type KernelTables } from './kernel-tables.ts';
import { nftFamily } from './ruleset/text.ts';
import type { SkeletonVariant } from './skeleton.ts';

/** Room for an element with its headers: enough for IPv4, and IPv6 is grown into. */
const ELEMENT_BYTES = 80;

/** Room for begin, end and the messages of a few sets. A small change must not cost a large buffer. */
const HEADER_BYTES = 512;

/** Room for two skeletons. */
const FRESH_BYTES = 1 << 19;

/** One transaction: chains first, so that elements can refer to them; those that go last. */
export function batchOf(
  changes: Difference<PlacedElement>,
  table: string,
  chains: FamilyChanges | null,
): Batch {
  const batch = new Batch(HEADER_BYTES + ELEMENT_BYTES * (changes.add.length + changes.remove.length));
  if (chains !== null) beginChanges(batch, chains);
  fillBatch(batch, changes, table);
  if (chains !== null) endChanges(batch, chains);
  return batch;
}

/** A whole new table with its elements, in the place of one of this name. The clients of session affinity go along. */
export function freshBatch(
  tables: KernelTables,
  table: string,
  variant: SkeletonVariant,
  changes: Difference<PlacedElement>,
  clients: ReadonlyMap<Family, readonly SetElement[]> = tables.affinityClients(),
): Batch {
  const batch = new Batch(FRESH_BYTES + ELEMENT_BYTES * changes.add.length);
  tables.load(batch, table, variant);
  fillBatch(batch, changes, table);
  for (const [family, elements] of clients) {
    batch.addElements(nftFamily[family], table, 'affinity_clients', elements);
  }
  return batch;
}

/** Removals first, so that what takes their place finds it free. */
function fillBatch(batch: Batch, { add, remove }: Difference<PlacedElement>, table: string): void {
  const lists = new ElementLists();
  lists.write('delete', batch, table, () => placeAll(lists, remove));
  lists.write('add', batch, table, () => placeAll(lists, add));
}

export function placeAll(lists: ElementLists, elements: Iterable<PlacedElement>): void {
  for (const placed of elements) lists.place(placed);
}
