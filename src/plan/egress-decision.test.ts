import { describe, expect, test } from 'vitest';
import { cidr, nodeObject, pool, present } from '../../test/generators/build.ts';
import {
  decide,
  nat,
  OUTSIDE,
  OUTSIDE6,
  POD,
  POD6,
  planOf,
  pods,
  six,
} from '../../test/generators/egress-given.ts';
import type { FactChange } from '../model/facts.ts';
import type { IpMasqAgentFact } from '../model/ip-masq-agent.ts';
import type { PoolFact } from '../model/pool.ts';
import { formatPrefix } from '../net/prefix.ts';
import { scopeOf } from './nat-plan.ts';

/** The tests follow the numbers of docs/spec/egress-nat.md, "The decision". */

describe('if and only if: from a pool with natOutgoing, to no pool', () => {
  test.each<[string, PoolFact[], string, string, string, string]>([
    ['to the outside', [pods], POD, OUTSIDE, 'masquerade', 'pods'],
    ['within the pool', [pods], POD, '10.244.9.9', 'keep', 'pods'],
    ['to another pool', [pods, pool('b', '10.9.0.0/16')], POD, '10.9.1.1', 'keep', 'b'],
    ['from a pool without natOutgoing', [pool('b', '10.9.0.0/16')], '10.9.1.1', OUTSIDE, 'keep', 'nothing'],
    ['from no pool', [pods], '192.0.2.77', OUTSIDE, 'keep', 'nothing'],
    ['IPv6', [pods, six], POD6, OUTSIDE6, 'masquerade', 'six'],
    ['a pool of one family means nothing to the other', [pods], POD6, OUTSIDE6, 'keep', 'nothing'],
    ['a pool of everything', [pool('all', '0.0.0.0/0', nat)], POD, OUTSIDE, 'keep', 'all'],
    ['a pool of one address', [pool('one', '10.244.1.1/32', nat)], POD, '10.244.1.2', 'masquerade', 'one'],
    [
      'a pool of one IPv6 address',
      [pool('one', 'fd00:244::1/128', nat)],
      POD6,
      'fd00:244::2',
      'masquerade',
      'one',
    ],
    [
      'to a pool for load balancers alone',
      [pods, pool('lb', '198.51.100.0/24', { loadBalancerOnly: true })],
      POD,
      OUTSIDE,
      'masquerade',
      'pods',
    ],
    [
      'from one that has natOutgoing',
      [pool('lb', '10.9.0.0/16', { ...nat, loadBalancerOnly: true })],
      '10.9.1.1',
      '10.9.1.2',
      'masquerade',
      'lb',
    ],
  ])('%s', (_, pools, from, to, verdict, by) => {
    expect(decide({ pools }, from, to)).toEqual([verdict, by]);
  });
});

describe('1: disabled changes nothing', () => {
  const office = pool('office', '10.0.0.0/8', { disabled: true });
  test('it keeps destinations un-NATed, also where it overlaps the pool of the pods', () => {
    expect(decide({ pools: [pods, office] }, POD, '10.1.1.1')).toEqual(['keep', 'office']);
    expect(decide({ pools: [pods, office] }, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
  });
  test('it is NATed from', () => {
    expect(decide({ pools: [{ ...pods, disabled: true }] }, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
  });
});

describe('3: nested pools', () => {
  const pools = [pods, pool('inner', '10.244.1.0/24'), pool('innermost', '10.244.1.0/31', nat)];
  test('no most-specific-wins by default', () => {
    expect(decide({ pools }, '10.244.1.9', OUTSIDE)).toEqual(['masquerade', 'pods']);
    expect([...planOf({ pools }).notices()].map(({ object }) => object.name)).toEqual(['inner']);
  });
  test.each([
    ['10.244.1.9', 'keep', 'nothing'],
    ['10.244.1.1', 'masquerade', 'innermost'],
    ['10.244.2.1', 'masquerade', 'pods'],
    ['10.244.0.255', 'masquerade', 'pods'],
  ])('an option turns it on: %s', (from, verdict, by) => {
    const given = { pools, options: { mostSpecificPoolWins: true } };
    expect(decide(given, from, OUTSIDE)).toEqual([verdict, by]);
    expect([...planOf(given).notices()]).toEqual([]);
  });
});

test('4: of one CIDR in two pools both count, and the notice names the one that decides', () => {
  const pools = [pool('a', '10.244.0.0/16'), pods];
  for (const mostSpecificPoolWins of [false, true]) {
    const given = { pools, options: { mostSpecificPoolWins } };
    expect(decide(given, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
    const notices = [...planOf(given).notices()];
    expect(notices).toMatchObject([{ code: 'NatPoolOverridden', object: { name: 'a' } }]);
    expect(notices[0]?.message).toContain('pool pods (10.244.0.0/16)');
  }
});

test('6: without a pool that has natOutgoing, nothing is said', () => {
  expect(scopeOf(planOf({ pools: [pool('a', '10.0.0.0/8')] }), 'IPv4').egressSources.ranges).toEqual([]);
});

describe('HOSTS: node addresses', () => {
  const more = [present('Node', nodeObject('node-b', ['192.0.2.99', '2001:db8::99', '198.51.100.200']))];
  const excluded = { natOutgoingExclusions: 'IPPoolsAndHostIPs' as const };
  test.each([
    ['192.0.2.99', 'IPPoolsOnly', 'masquerade', 'pods'],
    ['192.0.2.99', 'IPPoolsAndHostIPs', 'keep', 'node-b'],
    ['198.51.100.200', 'IPPoolsAndHostIPs', 'keep', 'node-b'],
    ['192.0.2.98', 'IPPoolsAndHostIPs', 'masquerade', 'pods'],
  ] as const)('to %s with %s', (to, natOutgoingExclusions, verdict, by) => {
    expect(decide({ pools: [pods], felix: { natOutgoingExclusions }, more }, POD, to)).toEqual([verdict, by]);
  });
  test('each family its own', () => {
    expect(decide({ pools: [six], options: excluded, more }, POD6, '2001:db8::99')).toEqual([
      'keep',
      'node-b',
    ]);
  });
  test('those of a node that is gone go', () => {
    const gone: FactChange = { kind: 'Node', key: 'node-b', fact: null };
    const given = { pools: [pods], options: excluded, more: [...more, gone] };
    expect(decide(given, POD, '192.0.2.99')).toEqual(['masquerade', 'pods']);
  });
});

describe('10: the interface', () => {
  test.each([
    ['eth0', 'eth0', 'masquerade'],
    ['eth0', 'eth1', 'keep'],
    ['eth+', 'eth1', 'masquerade'],
    ['eth+', 'wlan0', 'keep'],
    ['+', 'wlan0', 'masquerade'],
    ['e.h0', 'eth0', 'keep'],
    ['eth0', null, 'masquerade'],
    [null, 'eth0', 'masquerade'],
  ])('filter %s, out of %s', (iptablesNATOutgoingInterfaceFilter, out, verdict) => {
    const given = { pools: [pods], felix: { iptablesNATOutgoingInterfaceFilter } };
    expect(decide(given, POD, OUTSIDE, out)).toEqual([verdict, 'pods']);
  });
});

describe('ip-masq-agent’s file', () => {
  const agent = (fact: Partial<IpMasqAgentFact> = {}): FactChange => ({
    kind: 'IpMasqAgent',
    key: 'f',
    fact: {
      name: 'f',
      nonMasqueradeCIDRs: [cidr('10.0.0.0/8'), cidr('172.16.0.0/12')],
      masqLinkLocal: false,
      masqLinkLocalIPv6: false,
      ...fact,
    },
  });
  const plain = pool('pods', '10.244.0.0/16');
  test.each<[string, Partial<IpMasqAgentFact>, string, string, string, string]>([
    ['all that leaves', {}, POD, OUTSIDE, 'masquerade', 'ip-masq-agent'],
    ['but to its networks', {}, POD, '172.16.0.9', 'keep', 'ip-masq-agent'],
    ['link-local is returned', {}, POD, '169.254.169.254', 'keep', 'ip-masq-agent'],
    ['unless asked for', { masqLinkLocal: true }, POD, '169.254.169.254', 'masquerade', 'ip-masq-agent'],
    ['the host’s own traffic is not', {}, '192.0.2.77', OUTSIDE, 'keep', 'nothing'],
    ['IPv6 is left alone', {}, POD6, OUTSIDE6, 'keep', 'nothing'],
  ])('%s', (_, fact, from, to, verdict, by) => {
    expect(decide({ pools: [plain], more: [agent(fact)] }, from, to)).toEqual([verdict, by]);
  });
  test('IPv6, where it names a network of it', () => {
    const fact = { nonMasqueradeCIDRs: [cidr('fd00::/8')] };
    const given = { pools: [pool('six', 'fd00:244::/48')], more: [agent(fact)] };
    expect(decide(given, POD6, OUTSIDE6)).toEqual(['masquerade', 'ip-masq-agent']);
    expect(decide(given, POD6, 'fe80::7')).toEqual(['keep', 'ip-masq-agent']);
  });
  test('all sources, where asked for', () => {
    const given = { options: { masqueradeHostTraffic: true }, more: [agent()] };
    expect(decide(given, '192.0.2.77', OUTSIDE)).toEqual(['masquerade', 'ip-masq-agent']);
  });
});

test('7: sets are unions: what the kernel gets never overlaps', () => {
  const pools = ['10.0.0.0/9', '10.0.0.0/8', '11.0.0.0/8', '10.1.0.0/16'].map((text, index) =>
    pool(`p${index}`, text, nat),
  );
  const { egressSources } = scopeOf(planOf({ pools }), 'IPv4');
  expect(egressSources.ranges).toHaveLength(1);
  expect(formatPrefix(pools[0]?.cidr ?? cidr('0.0.0.0/0'))).toBe('10.0.0.0/9');
});
