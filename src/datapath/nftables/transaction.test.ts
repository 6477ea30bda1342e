import { expect, test } from 'vitest';
import { cidr, ip, nodeFacts, present, service, servicePort, slice } from '../../../test/generators/build.ts';
import { plainVariant } from '../../../test/generators/skeleton-variant.ts';
import type { FactChange } from '../../model/facts.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import type { PlacedElement } from './element.ts';
import { formatPlaced } from './format.ts';
import { needCount } from './needs.ts';
import { piecesOf, rendered } from './pieces.ts';
import { noUses } from './shared-elements.ts';
import { type Held, Transactions } from './transaction.ts';

const transactions = new Transactions();
const planner = new Planner(nodeFacts(), defaultPlanOptions);
let held: Held = {
  programmed: new Map(),
  shared: noUses(),
  needs: needCount([]),
  variant: plainVariant,
};

/** What a change of objects writes into sets whose elements several entries may have. */
function written(...facts: FactChange[]) {
  const before = planner.plan.revision;
  planner.apply(facts);
  const plan = planner.update();
  const keys = plan.changedSince(before) ?? [...plan.entries()].map(({ key }) => key);
  const transaction = transactions.of(
    piecesOf(plan, keys, held.programmed).map(rendered),
    held,
    plainVariant,
  );
  held = transaction.done();
  return { add: sharedOf(transaction.changes.add), remove: sharedOf(transaction.changes.remove) };
}

function sharedOf(elements: readonly PlacedElement[]): string[] {
  return elements.map(formatPlaced).filter((text) => /(_addresses|allowed_sources) /.test(text));
}

const balanced = (range: string, address = '203.0.113.80') =>
  present(
    'Service',
    service({
      ports: [servicePort(80)],
      loadBalancerIPs: [ip(address)],
      loadBalancerSourceRanges: [cidr(range)],
    }),
  );

test('an entry that changes writes the shared elements that changed, and no others', () => {
  written(balanced('198.51.100.0/24'), present('EndpointSlice', slice(['10.244.1.5'])));
  expect(written(present('EndpointSlice', slice(['10.244.1.6'])))).toEqual({ add: [], remove: [] });
  expect(written(balanced('198.18.7.0/24'))).toEqual({
    add: [expect.stringContaining('198.18.7.0')],
    remove: [expect.stringContaining('198.51.100.0')],
  });
});

test('an entry that replaces another adds its shared elements', () => {
  const sets = ['frontend_addresses', 'outside_addresses', 'restricted_addresses'];
  const { add, remove } = written(balanced('198.18.7.0/24', '203.0.113.81'));
  expect(add).toEqual(sets.map((set) => `ip knat ${set} { 203.0.113.81 }`));
  expect(remove).toEqual(sets.map((set) => `ip knat ${set} { 203.0.113.80 }`));
});

test('a shared element is removed once, with its last user', () => {
  const { add, remove } = written(present('Service', service({ ports: [] })));
  expect(add).toEqual([]);
  expect(remove.filter((text) => text.includes('203.0.113.81')).map((text) => text.split(' ')[2])).toEqual([
    'frontend_addresses',
    'outside_addresses',
    'restricted_addresses',
  ]);
});
