import { describe, expect, test } from 'vitest';
import { cidr, egressRuleFact, ip, pod, present } from '../../test/generators/build.ts';
import {
  decide,
  type EgressGiven,
  OUTSIDE,
  POD,
  planOf,
  pods,
  six,
} from '../../test/generators/egress-given.ts';
import type { EgressRuleFact } from '../model/egress-rule.ts';
import type { FactChange } from '../model/facts.ts';

describe('EgressRules', () => {
  const to = (text: string) => ({ cidr: cidr(text), protocol: null, ports: null });
  const snat = (...addresses: string[]) => ({ action: 'Snat' as const, addresses: addresses.map(ip) });
  const smtp = pod([], { name: 'smtp', ips: [ip(POD)], labels: { app: 'smtp' }, nat: null });
  const web = pod([], { name: 'web', ips: [ip('10.244.1.2')], labels: { app: 'web' }, nat: null });
  const selectsSmtp = { podSelector: { matchLabels: { app: 'smtp' }, matchExpressions: [] } };

  function ruled(rules: Partial<EgressRuleFact>[], more: readonly FactChange[] = []): EgressGiven {
    const facts = rules.map((fact) => present('EgressRule', egressRuleFact(fact)));
    const known = [present('Pod', smtp), present('Pod', web)];
    return { pools: [pods, six], more: [...facts, ...known, ...more] };
  }

  test.each<[string, Partial<EgressRuleFact>[], string, string, string, string]>([
    ['an exclusion', [{ to: [to('198.51.100.0/24')] }], POD, OUTSIDE, 'keep', 'rule'],
    ['elsewhere the pools decide', [{ to: [to('203.0.113.0/24')] }], POD, OUTSIDE, 'masquerade', 'pods'],
    [
      'an inclusion, inside of a pool',
      [{ action: 'Masquerade', to: [to('10.244.2.0/24')] }],
      POD,
      '10.244.2.1',
      'masquerade',
      'rule',
    ],
    [
      'without destinations: what leaves the pools',
      [snat('203.0.113.7')],
      POD,
      OUTSIDE,
      '203.0.113.7',
      'rule',
    ],
    ['and nothing within', [snat('203.0.113.7')], POD, '10.244.2.1', 'keep', 'pods'],
    ['a selected pod', [{ ...selectsSmtp, ...snat('203.0.113.7') }], POD, OUTSIDE, '203.0.113.7', 'rule'],
    [
      'another pod',
      [{ ...selectsSmtp, ...snat('203.0.113.7') }],
      '10.244.1.2',
      OUTSIDE,
      'masquerade',
      'pods',
    ],
    [
      'an address of the other family says nothing',
      [snat('2001:db8::10')],
      POD,
      OUTSIDE,
      'masquerade',
      'pods',
    ],
    [
      'the lower priority goes first',
      [
        { name: 'b', priority: 1 },
        { name: 'a', priority: 2, ...snat('203.0.113.7') },
      ],
      POD,
      OUTSIDE,
      'keep',
      'b',
    ],
    [
      'then the name',
      [{ name: 'b' }, { name: 'a', ...snat('203.0.113.7') }],
      POD,
      OUTSIDE,
      '203.0.113.7',
      'a',
    ],
    [
      'an address elsewhere: the node’s',
      [{ ...selectsSmtp, ...snat('203.0.113.99') }],
      POD,
      OUTSIDE,
      'masquerade',
      'rule',
    ],
    [
      'or nothing at all',
      [{ ...selectsSmtp, ...snat('203.0.113.99'), fallback: 'drop' }],
      POD,
      OUTSIDE,
      'drop',
      'rule',
    ],
    [
      'an unknown pod waits where the rule says drop',
      [{ ...selectsSmtp, ...snat('203.0.113.7'), fallback: 'drop' }],
      '10.244.1.77',
      OUTSIDE,
      'drop',
      'rule',
    ],
    [
      'and a known one that is not meant does not',
      [{ ...selectsSmtp, ...snat('203.0.113.7'), fallback: 'drop' }],
      '10.244.1.2',
      OUTSIDE,
      'masquerade',
      'pods',
    ],
    [
      'an unknown pod leaves as the node where it says node',
      [{ ...selectsSmtp, ...snat('203.0.113.7') }],
      '10.244.1.77',
      OUTSIDE,
      'masquerade',
      'pods',
    ],
    ['one address needs no pod', [snat('203.0.113.7')], '10.244.1.77', OUTSIDE, '203.0.113.7', 'rule'],
    ['of a pool', [{ pools: ['six'], ...snat('203.0.113.7') }], POD, OUTSIDE, 'masquerade', 'pods'],
  ])('%s', (_, rules, from, dest, verdict, by) => {
    expect(decide(ruled(rules), from, dest)).toEqual([verdict, by]);
  });

  test('selectors of namespaces', () => {
    const given = (labels: Record<string, string>) =>
      ruled(
        [{ namespaceSelector: { matchLabels: { team: 'a' }, matchExpressions: [] }, ...snat('203.0.113.7') }],
        [present('Namespace', { name: 'mail', labels })],
      );
    expect(decide(given({ team: 'a' }), POD, OUTSIDE)[0]).toBe('203.0.113.7');
    expect(decide(given({ team: 'b' }), POD, OUTSIDE)[0]).toBe('masquerade');
  });

  test('of several addresses a pod has one, which stays when others come or the order changes', () => {
    const chosen = (...addresses: string[]) => decide(ruled([snat(...addresses)]), POD, OUTSIDE)[0];
    const first = chosen('203.0.113.7', '203.0.113.8');
    expect(['203.0.113.7', '203.0.113.8']).toContain(first);
    expect(chosen('203.0.113.8', '203.0.113.7')).toBe(first);
    expect(chosen('203.0.113.99', '203.0.113.8', '203.0.113.7')).toBe(first);
  });

  test('an address that is not here is told of once, and only where a pod is concerned', () => {
    const notices = (rule: Partial<EgressRuleFact>) => [...planOf(ruled([rule])).notices()];
    expect(notices({ ...selectsSmtp, ...snat('203.0.113.99') })).toMatchObject([
      { reason: 'NatAddressNotLocal', object: { kind: 'EgressRule', name: 'rule' } },
    ]);
    const nobody = { podSelector: { matchLabels: { app: 'none' }, matchExpressions: [] } };
    expect(notices({ ...nobody, ...snat('203.0.113.99') })).toEqual([]);
    expect(notices({ pools: ['podz'] })).toMatchObject([{ reason: 'NatInvalid', object: { name: 'rule' } }]);
  });
});
