import { expect, test } from 'vitest';
import type { ElementChange, Preview } from '../datapath/datapath.ts';
import type { ObjectRef } from '../model/object.ts';
import { differenceOf } from './difference.ts';

const web: ObjectRef = { kind: 'Service', namespace: 'shop', name: 'web' };
const api: ObjectRef = { kind: 'Service', namespace: 'shop', name: 'api' };

function change(what: ElementChange['what'], key: string | null, owner: ObjectRef | null): ElementChange {
  return { what, key, owner, element: `ip knat some { ${key} }` };
}

function preview(changes: readonly ElementChange[], skeleton: Preview['skeleton'] = 'kept'): Preview {
  return { skeleton, changes };
}

test('nothing differs', () => {
  expect(differenceOf(preview([]), 10)).toEqual({
    equal: true,
    skeleton: 'intact',
    rulesCompared: true,
    missing: 0,
    surplus: 0,
    groups: [],
    elements: [],
  });
  expect(differenceOf(preview([], 'swapped'), 10)).toMatchObject({ equal: false, skeleton: 'other' });
});

test('objects by name, then shared elements, then those without an owner; all are counted, few are named', () => {
  const changes = [
    change('delete', null, null),
    change('delete', 'w', web),
    change('add', 'scope IPv4', null),
    change('add', null, null),
    change('add', 'w', web),
    change('add', 'a', api),
  ];
  const difference = differenceOf(preview(changes), 3);
  expect(difference).toMatchObject({ equal: false, missing: 4, surplus: 2 });
  expect(difference.groups).toEqual([
    { owner: 'object', object: 'Service shop/api', missing: 1, surplus: 0 },
    { owner: 'object', object: 'Service shop/web', missing: 1, surplus: 1 },
    { owner: 'shared', object: null, missing: 2, surplus: 0 },
    { owner: 'nobody', object: null, missing: 0, surplus: 1 },
  ]);
  expect(difference.elements.map(({ object, what }) => [object, what])).toEqual([
    ['Service shop/api', 'missing'],
    ['Service shop/web', 'surplus'],
    ['Service shop/web', 'missing'],
  ]);
});
