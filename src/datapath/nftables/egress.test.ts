import { expect, test } from 'vitest';
import { egressPostrouting } from './egress.ts';
import { anyNetworks } from './networks.ts';
import { ruleText } from './ruleset/text.ts';

/** The rule that sends what leaves the pools on, for a filter of interfaces; undefined for none. */
function poolRule(interfaceFilter: string | null): string | undefined {
  const rules = egressPostrouting('IPv4', { interfaceFilter, hasAddress: false }, anyNetworks, true, []).map(
    ruleText,
  );
  return rules.find((text) => text.includes('@egress_sources'));
}

const leaves = (out: string) => `ip saddr @egress_sources ${out}goto egress_pools`;

test.each([
  [null, leaves('')],
  ['+', leaves('')],
  ['eth0', leaves('oifname "eth0" ')],
  ['eth+', leaves('oifname "eth*" ')],
  ['a-name-of-15-by', leaves('oifname "a-name-of-15-by" ')],
  ['a-name-of-15-by+', leaves('oifname "a-name-of-15-by*" ')],
])('a filter of interfaces: %s', (filter, text) => {
  expect(poolRule(filter)).toBe(text);
});

test.each(['', 'a-name-of-16-byt', 'a-name-of-16-byt+'])(
  'no interface has such a name, nothing leaves: "%s"',
  (filter) => {
    expect(poolRule(filter)).toBeUndefined();
  },
);
