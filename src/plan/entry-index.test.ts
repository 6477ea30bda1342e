import { expect, test } from 'vitest';
import { nodeFacts, present, service, slice } from '../../test/generators/build.ts';
import { EntryIndex } from './entry-index.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

test('it has the entries of its kinds, and says whether one came, went or changed', () => {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const index = new EntryIndex('ServiceFrontend');
  const other = new EntryIndex('PodBinding');
  planner.apply([present('Service', service()), present('EndpointSlice', slice(['10.244.0.5']))]);
  let plan = planner.update();
  let { revision } = plan;
  expect([index.follow(plan, null), other.follow(plan, null)]).toEqual([true, false]);
  expect(index.entries.size).toBe(plan.count('ServiceFrontend'));

  expect(index.follow(plan, plan.changedSince(revision))).toBe(false);
  planner.apply([present('EndpointSlice', slice(['10.244.0.6']))]);
  plan = planner.update();
  expect(index.follow(plan, plan.changedSince(revision))).toBe(true);
  ({ revision } = plan);
  planner.apply([{ kind: 'Service', key: 'shop/web', fact: null }]);
  plan = planner.update();
  expect([index.follow(plan, plan.changedSince(revision)), index.entries.size]).toEqual([true, 0]);
});
