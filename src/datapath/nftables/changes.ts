import type { Difference } from '../../delta/delta.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { ElementChange } from '../datapath.ts';
import type { PlacedElement } from './element.ts';
import { formatPlaced } from './format.ts';
import { entryOf } from './unclaimed.ts';

/** The changes with the entries and objects that they belong to. */
export function describeChanges(
  { add, remove }: Difference<PlacedElement>,
  plan: Pick<NatPlan, 'entry' | 'entryAt' | 'sourceAt' | 'egressSource'>,
): ElementChange[] {
  const described = (what: ElementChange['what'], elements: readonly PlacedElement[]) =>
    elements
      .map((placed): ElementChange => {
        const entry = entryOf(placed, plan);
        const element = formatPlaced(placed);
        if (entry === undefined) return { what, element, key: null, owner: null };
        return { what, element, key: entry.key, owner: ownerOf(entry) };
      })
      .sort((a, b) => (a.element < b.element ? -1 : a.element > b.element ? 1 : 0));
  return [...described('delete', remove), ...described('add', add)];
}

/** The object behind the entry; null for what comes from several objects. */
export function ownerOf(entry: PlanEntry): ObjectRef | null {
  if (entry.kind === 'EgressSource') {
    const [name, other] = new Set(entry.choices.map(({ rule }) => rule));
    return name === undefined || other !== undefined ? null : { kind: 'EgressRule', namespace: '', name };
  }
  return 'owner' in entry ? entry.owner : null;
}
