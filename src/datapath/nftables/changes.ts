import type { Difference } from '../../delta/delta.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { ElementChange } from '../datapath.ts';
import type { PlacedElement } from './element.ts';
import { formatPlaced } from './format.ts';
import { entryKeyOf } from './unclaimed.ts';

/** The changes with the entries and objects that they belong to. */
export function describeChanges(
  { add, remove }: Difference<PlacedElement>,
  plan: Pick<NatPlan, 'entry'>,
): ElementChange[] {
  const described = (what: ElementChange['what'], elements: readonly PlacedElement[]) =>
    elements
      .map((placed): ElementChange => {
        const key = entryKeyOf(placed);
        const entry = key === null ? undefined : plan.entry(key);
        const element = formatPlaced(placed);
        if (entry === undefined) return { what, element, key: null, owner: null };
        return { what, element, key: entry.key, owner: ownerOf(entry) };
      })
      .sort((a, b) => (a.element < b.element ? -1 : a.element > b.element ? 1 : 0));
  return [...described('delete', remove), ...described('add', add)];
}

function ownerOf(entry: PlanEntry): ObjectRef | null {
  return 'owner' in entry ? entry.owner : null;
}
