import type { Difference } from '../../delta/delta.ts';
import type { ObjectRef } from '../../model/object.ts';
import type { PlanEntry } from '../../plan/entry.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { ElementChange } from '../datapath.ts';
import { type PlacedElement, rowOf } from './element.ts';
import { fieldsText } from './fields.ts';
import { nftFamily, verdictText } from './ruleset/text.ts';
import { TABLE } from './skeleton.ts';
import { entryOf } from './unclaimed.ts';

/** `ip knat bindings { 203.0.113.7 . tcp . 25 : 10.244.1.5 . 25 }` */
export function formatPlaced(placed: PlacedElement): string {
  const { family, set, element } = placed;
  const { fields, values, intervalData } = rowOf(placed);
  const { key, keyEnd, intervalEnd, data, verdict } = element;
  const half = data === undefined || !intervalData ? undefined : data.length / 2;
  const value =
    data !== undefined
      ? ` : ${fieldsText(values, data.subarray(0, half), half === undefined ? data : data.subarray(half))}`
      : verdict !== undefined
        ? ` : ${verdictText(verdict)}`
        : '';
  const place = `${intervalEnd === true ? 'before ' : ''}${fieldsText(fields, key, keyEnd)}`;
  return `${nftFamily[family]} ${TABLE} ${set} { ${place}${value} }`;
}

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
