import type { ElementChange, Preview } from '../datapath/datapath.ts';
import { formatRef } from '../model/object.ts';

/** Why an element stands under no object: it is of several together (`shared`), or of no entry of the plan (`nobody`). */
export type ElementOwner = 'object' | 'shared' | 'nobody';

/** What differs of one object. */
export interface DifferenceGroup {
  readonly owner: ElementOwner;
  /** `Service shop/web`; null unless `owner` is `object`. */
  readonly object: string | null;
  /** Elements that are wanted and not in the kernel. */
  readonly missing: number;
  /** Elements that are in the kernel and not wanted. */
  readonly surplus: number;
}

export interface DifferenceElement {
  readonly what: 'missing' | 'surplus';
  readonly object: string | null;
  /** Of the entry, as `knat entries` names it; null: no entry of the plan has this element. */
  readonly key: string | null;
  /** In the words of nft. */
  readonly element: string;
}

/** What differs between plan and kernel: the form of `knat diff -o json` and of the API. Keys are only ever added. */
export interface Difference {
  readonly equal: boolean;
  /**
   * Tables, chains and rules. `other`: of another version, made for other settings, or edited by somebody; where more than
   * rules differ, all elements are missing.
   */
  readonly skeleton: 'intact' | 'absent' | 'other';
  /** Chains and rules were compared, each: always. */
  readonly rulesCompared: boolean;
  readonly missing: number;
  readonly surplus: number;
  /** Objects by name, then what is shared, then what is nobody's. */
  readonly groups: readonly DifferenceGroup[];
  /** In the order of the groups; the first of them, up to the limit. */
  readonly elements: readonly DifferenceElement[];
}

const skeletons = { kept: 'intact', loaded: 'absent', changed: 'other', swapped: 'other' } as const;
const ORDER: readonly ElementOwner[] = ['object', 'shared', 'nobody'];

/** @param limit at most so many elements are named; the counts are of all */
export function differenceOf({ skeleton, changes }: Preview, limit: number): Difference {
  const groups = new Map<string, DifferenceElement[]>();
  for (const change of changes) {
    const owner = ownerKind(change);
    const object = change.owner === null ? null : formatRef(change.owner);
    const what = change.what === 'add' ? 'missing' : 'surplus';
    const name = `${ORDER.indexOf(owner)} ${object}`;
    const element = { what, object, key: change.key, element: change.element } as const;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [element]);
    else group.push(element);
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

/** Constants that every table has, and that are missing, are shared too. */
function ownerKind({ owner, key, what }: ElementChange): ElementOwner {
  if (owner !== null) return 'object';
  return key !== null || what === 'add' ? 'shared' : 'nobody';
}
