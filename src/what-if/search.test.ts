import { afterEach, expect, test, vi } from 'vitest';
import { nodeFacts, pool, present, service, slice } from '../../test/generators/build.ts';
import { serviceFact, sliceFact } from '../../test/generators/large-cluster.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { packetChanges } from './classes.ts';
import { PlanView } from './plan-view.ts';
import { planChange } from './planned.ts';

afterEach(() => vi.restoreAllMocks());

/** How many packets are walked, on either side, to find what a change does. A clock would measure the machine. */
function walksFor(before: readonly FactChange[], changes: readonly FactChange[]): number {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(before);
  planner.update();
  const looks = vi.spyOn(PlanView.prototype, 'entryAt');
  const { comparison } = planChange(planner, changes, nodeFacts(), () => null);
  expect(packetChanges(comparison).length).toBeGreaterThan(0);
  const count = looks.mock.calls.length;
  vi.restoreAllMocks();
  return count;
}

function cluster(services: number): FactChange[] {
  return [
    present('IPPool', pool('endpoints', '10.128.0.0/9')),
    ...Array.from({ length: services }, (_, index) => [
      present('Service', serviceFact(index)),
      present('EndpointSlice', sliceFact(index, 3)),
    ]).flat(),
  ];
}

test.each<[string, FactChange[]]>([
  ['an endpoint', [present('EndpointSlice', sliceFact(7, 3, 1))]],
  ['a Service', [{ kind: 'Service', key: 'namespace-7/service-7', fact: null }]],
  ['a pool that no endpoint is in', [present('IPPool', pool('pods', '10.9.0.0/16', { natOutgoing: true }))]],
])('%s: the cost does not depend on the number of Services', (_, changes) => {
  const few = walksFor(cluster(20), changes);
  expect(walksFor(cluster(200), changes)).toBe(few);
  expect(few).toBeLessThan(200);
});

test('the cost does not depend on the number of endpoints, although each of them reaches itself in its own way', () => {
  const endpoints = (count: number) => Array.from({ length: count }, (_, index) => `10.244.1.${index}`);
  const walks = (count: number) =>
    walksFor(
      [present('Service', service()), present('EndpointSlice', slice(endpoints(count)))],
      [present('EndpointSlice', slice(endpoints(count - 1)))],
    );
  expect(walks(200)).toBe(walks(20));
});

test.each<[string, (index: number) => FactChange[]]>([
  ['endpoints', (index) => [present('EndpointSlice', sliceFact(index, 3, 1))]],
  ['Services that go', (index) => [{ kind: 'Service', key: keyOf(serviceFact(index)), fact: null }]],
])('many %s: Services of one shape share their walks', (_, change) => {
  const walks = (count: number) =>
    walksFor(cluster(240), Array.from({ length: count }, (__, index) => change(index)).flat());
  // The port of each Service is looked up once on each side.
  expect(walks(240) - walks(120)).toBe(2 * 120);
});

function keyOf({ namespace, name }: ReturnType<typeof serviceFact>): string {
  return `${namespace}/${name}`;
}
