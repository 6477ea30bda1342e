import { expect, test } from 'vitest';
import { ip, nodeFacts, pool, portOf, present } from '../../test/generators/build.ts';
import { walk } from '../explain/walk.ts';
import type { Family } from '../net/family.ts';
import { scopeOf } from './nat-plan.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';
import { poolRows } from './pool-matrix.ts';

const NAT = { natOutgoing: true };
/** With an address of each pool that lies in no narrower one. */
const POOLS = [
  { pool: pool('pods', '10.244.0.0/16', NAT), own: '10.244.200.1' },
  { pool: pool('quiet', '10.244.0.0/18'), own: '10.244.1.1' },
  { pool: pool('nested', '10.244.64.0/18', NAT), own: '10.244.70.1' },
  { pool: pool('balancers', '203.0.113.128/25', { ...NAT, loadBalancerOnly: true }), own: '203.0.113.200' },
  { pool: pool('off', '10.9.0.0/16', { ...NAT, disabled: true }), own: '10.9.0.9' },
  { pool: pool('six', 'fd00:244::/48', NAT), own: 'fd00:244::9' },
  { pool: pool('six-quiet', 'fd00:9::/48'), own: 'fd00:9::9' },
];
const OUTSIDE = { IPv4: '198.51.100.9', IPv6: '2001:db8:99::9' } as const;

function plannerWith(mostSpecificPoolWins: boolean, pools = POOLS): Planner {
  const options = {
    ...defaultPlanOptions,
    egress: { ...defaultPlanOptions.egress, mostSpecificPoolWins },
  };
  const planner = new Planner(nodeFacts(), options);
  planner.apply(pools.map((each) => present('IPPool', each.pool)));
  planner.update();
  return planner;
}

test.each([
  ['IPv4', false],
  ['IPv4', true],
  ['IPv6', false],
  ['IPv6', true],
] as const)('the matrix says what explain says: %s, the narrowest pool alone: %s', (family, narrowest) => {
  const { plan, node } = plannerWith(narrowest);
  const members = POOLS.filter((each) => each.pool.cidr.family === family);
  const rows = poolRows(
    scopeOf(plan, family),
    members.map((each) => each.pool),
  );
  const explained = members.map(({ pool: { name }, own }) => ({
    pool: name,
    towards: [...members, { pool: null, own: OUTSIDE[family] }].map((to) => {
      const packet = { source: ip(own), destination: ip(to.own), protocol: 'TCP', port: portOf(9) } as const;
      const snat = walk(plan, node, packet).paths[0]?.snat;
      return { pool: to.pool?.name ?? null, verdict: snat === 'node' ? 'masquerade' : 'keep' };
    }),
  }));
  expect(rows).toEqual(explained);
  // Of both kinds, or the comparison says nothing.
  const verdicts = rows.flatMap(({ towards }) => towards.map(({ verdict }) => verdict));
  expect(new Set(verdicts)).toEqual(new Set(['keep', 'masquerade']));
});

test('pools that hold everything leave no outside', () => {
  const everything = [{ pool: pool('all', '0.0.0.0/0', NAT), own: '' }];
  const { plan } = plannerWith(false, everything);
  const family: Family = 'IPv4';
  const [row] = poolRows(
    scopeOf(plan, family),
    everything.map((each) => each.pool),
  );
  expect(row?.towards.map(({ verdict }) => verdict)).toEqual(['keep', 'keep']);
});
