import { addTo } from '../base/collect.ts';
import type { ElementChange, Preview } from '../datapath/datapath.ts';
import type { Difference, DifferenceElement, DifferenceGroup } from '../forms/difference.ts';
import { formatRef } from '../model/object.ts';

const skeletons = { kept: 'intact', loaded: 'absent', changed: 'other', swapped: 'other' } as const;
const ORDER: readonly DifferenceGroup['owner'][] = ['object', 'shared', 'nobody'];

/** @param limit maximum number of listed elements; the counts include all */
export function differenceOf({ skeleton, changes }: Preview, limit: number): Difference {
  const groups = new Map<string, DifferenceElement[]>();
  for (const change of changes) {
    const owner = ownerKind(change);
    const object = change.owner === null ? null : formatRef(change.owner);
    const what = change.what === 'add' ? 'missing' : 'surplus';
    const name = `${ORDER.indexOf(owner)} ${object}`;
    const element = { what, object, key: change.key, element: change.element } as const;
    addTo(groups, name, element);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    equal: skeleton === 'kept' && changes.length === 0,
    skeleton: skeletons[skeleton],
    rulesCompared: true,
    ...countsOf(sorted.flatMap(([, elements]) => elements)),
    groups: sorted.map(([name, elements]): DifferenceGroup => {
      const owner = ORDER[Number(name[0])] ?? 'nobody';
      return { owner, object: elements[0]?.object ?? null, ...countsOf(elements) };
    }),
    elements: sorted.flatMap(([, elements]) => elements).slice(0, limit),
  };
}

function countsOf(elements: readonly DifferenceElement[]): { missing: number; surplus: number } {
  const missing = elements.filter(({ what }) => what === 'missing').length;
  return { missing, surplus: elements.length - missing };
}

/** Missing constants, which every table has, are shared too. */
function ownerKind({ owner, key, what }: ElementChange): DifferenceGroup['owner'] {
  if (owner !== null) return 'object';
  return key !== null || what === 'add' ? 'shared' : 'nobody';
}
