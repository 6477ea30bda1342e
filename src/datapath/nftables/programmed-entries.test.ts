import { expect, test } from 'vitest';
import { nodeFacts, present, service, slice } from '../../../test/generators/build.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { ProgrammedEntries } from './programmed-entries.ts';

test('entries come back as they were given, with and without an order of slots', () => {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply([present('Service', service()), present('EndpointSlice', slice(['10.244.0.5']))]);
  const entries = new ProgrammedEntries();
  const given = [...planner.update().entries()].map((entry, index) => ({
    entry,
    order: index % 3 === 1 ? [1, 0] : null,
    localOrder: index % 3 === 2 ? [0] : null,
  }));
  expect(given.length).toBeGreaterThan(2);
  for (const each of given) entries.set(each.entry.key, each);
  expect(given.map(({ entry }) => entries.get(entry.key))).toEqual(given);
  expect([...entries.values()]).toEqual(given);
  const [first] = given;
  entries.delete(first?.entry.key ?? '');
  expect(entries.get(first?.entry.key ?? '')).toBeUndefined();
  expect([...entries.values()]).toEqual(given.slice(1));
});
