import { expect, test } from 'vitest';
import { cidr, ip } from '../../../test/generators/build.ts';
import type { RoutingRule } from '../../wire/route/rule.ts';
import { podRoutes } from './pod-routes.ts';

const rule = (from: string, rest: Partial<RoutingRule> = {}): RoutingRule => ({
  family: 'IPv4',
  priority: 1000,
  source: cidr(from),
  table: 77,
  suppressPrefixLength: null,
  protocol: 4,
  hasMoreSelectors: false,
  ...rest,
});
const second = rule('198.51.100.7/32');
const pod = (...bound: string[]) => ({ address: ip('10.244.1.5'), bound: new Set(bound.map(ip)) });
const tables = (rules: readonly RoutingRule[], ...bound: string[]) =>
  podRoutes([pod(...bound)], rules).rules.map(({ table, priority }) => `${priority} ${table}`);

test('the main table without its default route, then that of the address', () => {
  expect(podRoutes([pod('198.51.100.7')], [second])).toMatchObject({
    rules: [
      { source: { address: '10.244.1.5', length: 32 }, table: 254, suppressPrefixLength: 1, protocol: 107 },
      { source: { address: '10.244.1.5', length: 32 }, table: 77, suppressPrefixLength: null },
    ],
    torn: [],
  });
});

test.each<[string, RoutingRule[], string[]]>([
  ['a network', [rule('198.51.100.0/24', { priority: 50 })], ['50 254', '50 77']],
  ['the first of two', [rule('198.51.100.0/24', { table: 5 }), second], ['1000 254', '1000 5']],
  ['none of another source', [rule('203.0.113.7/32')], []],
  ['none of every source', [rule('0.0.0.0/0')], []],
  ['none with more selectors', [rule('198.51.100.7/32', { hasMoreSelectors: true })], []],
  ['none behind the main table', [rule('198.51.100.7/32', { priority: 32767 })], []],
  ['none to the main table', [rule('198.51.100.7/32', { table: 254 })], []],
  ['none that is no way to a table', [rule('198.51.100.7/32', { table: null })], []],
  ['none of ours', [rule('198.51.100.7/32', { protocol: 107 })], []],
])('%s', (_, rules, expected) => {
  expect(tables(rules, '198.51.100.7')).toEqual(expected);
});

test('addresses of one routing table get one rule; addresses of several get none, which is reported', () => {
  const third = rule('198.51.100.8/32');
  expect(tables([second, third], '198.51.100.7', '198.51.100.8')).toHaveLength(2);
  expect(podRoutes([pod('198.51.100.7', '203.0.113.7')], [second])).toEqual({
    rules: [],
    torn: [{ address: '10.244.1.5', ways: ['198.51.100.7 by table 77', '203.0.113.7 by table main'] }],
  });
});
