import { expect, test } from 'vitest';
import { prefixOf } from '../../net/prefix.ts';
import { complementOf, unionOf } from '../../net/ranges.ts';
import { anyNetworks, type Network, networkOf, rulesOutside } from './networks.ts';
import { back, notMember } from './ruleset/build.ts';
import { ruleText } from './ruleset/text.ts';
import { setsOf } from './sets.ts';
import { wordsOf } from './words.ts';

const range = (first: bigint, last: bigint) => unionOf('IPv4', [{ first, last }]);

test('a set that is one prefix, or all but one, stands in a rule', () => {
  const ten = range(0x0a000000n, 0x0affffffn);
  expect(networkOf(ten)).toEqual({ prefix: prefixOf('10.0.0.0/8'), isInside: true });
  expect(networkOf(complementOf(ten))).toEqual({ prefix: prefixOf('10.0.0.0/8'), isInside: false });
  expect(networkOf(range(7n, 7n))).toEqual({ prefix: prefixOf('0.0.0.7/32'), isInside: true });
  expect(networkOf(range(0n, 0x7fffffffn))).toEqual({ prefix: prefixOf('0.0.0.0/1'), isInside: true });
});

test('nothing and everything need no comparison', () => {
  expect(networkOf(unionOf('IPv4', []))).toBe('nothing');
  expect(networkOf(range(0n, 0xffffffffn))).toBe('everything');
});

test.each([
  ['a range that is no prefix', range(1n, 2n)],
  ['a range of a prefix length that begins in between', range(2n, 5n)],
  [
    'two prefixes',
    unionOf(
      'IPv4',
      [range(0n, 7n), range(16n, 23n)].flatMap(({ ranges }) => ranges),
    ),
  ],
])('%s is looked up', (_, set) => {
  expect(networkOf(set)).toBeNull();
});

const prefix = prefixOf('10.96.0.0/12');

test.each<[Network, string[]]>([
  ['nothing', ['ip daddr != @frontend_addresses return']],
  ['everything', []],
  [{ prefix, isInside: true }, ['ip daddr != 10.96.0.0/12 ip daddr != @frontend_addresses return']],
  [{ prefix, isInside: false }, ['ip daddr 10.96.0.0/12 ip daddr != @frontend_addresses return']],
  [null, ['ip daddr != @frontend_addresses ip daddr != @service_cidrs return']],
])('what lies outside of %j passes by', (network, texts) => {
  const networks = { ...anyNetworks, IPv4: { ...anyNetworks.IPv4, service_cidrs: network } };
  const { daddr } = wordsOf('IPv4');
  const isNoFrontend = notMember(daddr, setsOf('IPv4').frontend_addresses);
  const rules = rulesOutside(networks, 'IPv4', daddr, 'service_cidrs', isNoFrontend, back);
  expect(rules.map(ruleText)).toEqual(texts);
});
