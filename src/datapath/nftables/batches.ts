import type { Difference } from '../../delta/delta.ts';
import type { Family } from '../../net/family.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import { putDesired, type WholeChange } from './comparison.ts';
import type { PlacedElement } from './element.ts';
import { ElementLists } from './element-lists.ts';
import { beginChanges, endChanges, type FamilyChanges, type KernelTables } from './kernel-tables.ts';
import { nftFamily } from './ruleset/text.ts';
import type { SkeletonVariant } from './skeleton.ts';
import { type Programmed, slotCount, slotsOf } from './slots.ts';

/** Room for an element with its headers: enough for IPv4, and IPv6 is grown into. */
const ELEMENT_BYTES = 48;

/** Elements of an entry beside its slots: enough for most. */
const ELEMENTS_OF_ENTRY = 2;

/** Room for begin, end and the messages of a few sets. */
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
  const lists = new ElementLists();
  // Removals first, so that what takes their place finds it free.
  lists.begin('delete', batch, table);
  placeAll(lists, changes.remove);
  lists.end();
  lists.begin('add', batch, table);
  placeAll(lists, changes.add);
  lists.end();
  if (chains !== null) endChanges(batch, chains);
  return batch;
}

/**
 * A whole new table with its elements, in the place of one of this name. The clients of session affinity go along. `added`: the
 * number of its other elements.
 */
export function freshBatch(
  tables: KernelTables,
  table: string,
  variant: SkeletonVariant,
  { changes, programmed }: Pick<WholeChange, 'changes' | 'programmed'>,
  clients: ReadonlyMap<Family, readonly SetElement[]> = tables.affinityClients(),
): { readonly batch: Batch; readonly added: number } {
  const batch = new Batch(FRESH_BYTES + bytesOf(programmed.values()));
  tables.load(batch, table, variant);
  const lists = new ElementLists();
  lists.begin('add', batch, table);
  if (changes === null) putDesired(programmed.values(), lists);
  else placeAll(lists, changes.add);
  const added = lists.end();
  for (const [family, elements] of clients) {
    batch.addElements(nftFamily[family], table, 'affinity_clients', elements);
  }
  return { batch, added };
}

/** Bytes that the elements of the entries take, about: so that a large batch is not copied while it grows. */
function bytesOf(programmed: Iterable<Programmed>): number {
  let elements = 0;
  for (const each of programmed) {
    elements += ELEMENTS_OF_ENTRY + slotCount(slotsOf(each, false)) + slotCount(slotsOf(each, true));
  }
  return ELEMENT_BYTES * elements;
}

export function placeAll(lists: ElementLists, elements: Iterable<PlacedElement>): void {
  for (const placed of elements) lists.place(placed);
}
