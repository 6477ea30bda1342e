import { expect, test } from 'vitest';
import { nodeFacts, pool, present } from '../../test/generators/build.ts';
import { scopeKey } from '../plan/entry-key.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { FormerPlans } from './former-plans.ts';

/** One pool after the other, each in the place of the one before; gives what the former plans say of it. */
function poolsBefore(count: number): string[] {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const former = new FormerPlans();
  let revision: number | null = null;
  for (let i = 0; i < count; i++) {
    planner.apply([present('IPPool', pool('p', `10.${Math.floor(i / 256)}.${i % 256}.0/24`))]);
    const plan = planner.update();
    expect(former.record(plan, revision === null ? null : plan.changedSince(revision))).toBe(i > 0);
    revision = plan.revision;
  }
  expect(former.record(planner.plan, new Set())).toBe(false);
  return former.before(planner.plan).map((plan) => {
    const scope = plan.entry(scopeKey('IPv4'));
    return scope?.kind === 'FamilyScope' ? (scope.pools[0]?.cidr.address ?? '') : '';
  });
}

test('each former plan describes the state before its change, the latest first', () => {
  expect(poolsBefore(1)).toEqual([]);
  expect(poolsBefore(4)).toEqual(['10.0.2.0', '10.0.1.0', '10.0.0.0']);
});

test('the oldest changes are forgotten', () => {
  const before = poolsBefore(300);
  expect(before).toHaveLength(256);
  expect(before[0]).toBe('10.1.42.0');
});
