import { addTo } from '../../base/collect.ts';
import type { Difference } from '../../delta/delta.ts';
import { FAMILIES, type Family } from '../../net/family.ts';
import { Batch } from '../../wire/nftables/batch.ts';
import type { SetElement } from '../../wire/nftables/element.ts';
import type { PlacedElement } from './element.ts';
import { beginChanges, endChanges, type FamilyChanges, type KernelTables } from './kernel-tables.ts';
import { toKernel } from './range-elements.ts';
import { nftFamily } from './ruleset/text.ts';
import { SET_NAMES, type SetName, setsOf } from './sets.ts';
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
  for (const [family, set, elements] of bySet(remove)) {
    batch.deleteElements(nftFamily[family], table, set, toKernel(setsOf(family)[set], elements));
  }
  for (const [family, set, elements] of bySet(add)) {
    batch.addElements(nftFamily[family], table, set, toKernel(setsOf(family)[set], elements));
  }
}

/** The elements set by set, in the order of the sets in the table. */
function* bySet(placed: readonly PlacedElement[]): Generator<[Family, SetName, SetElement[]]> {
  const groups = { IPv4: new Map<SetName, SetElement[]>(), IPv6: new Map<SetName, SetElement[]>() };
  for (const { family, set, element } of placed) addTo(groups[family], set, element);
  for (const family of FAMILIES) {
    const sets = [...groups[family].entries()].sort(([a], [b]) => orderOf(a) - orderOf(b));
    for (const [set, elements] of sets) yield [family, set, elements];
  }
}

const positions = new Map(SET_NAMES.map((name, index) => [name, index]));

function orderOf(set: SetName): number {
  return positions.get(set) ?? 0;
}
