import { describe, expect, test } from 'vitest';
import { cidr, egressRuleFact, ip, nodeFacts, pod, present } from '../../test/generators/build.ts';
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
import type { NodeFacts } from '../model/node.ts';
import type { PodFact } from '../model/pod.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

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

  test('a namespace has its name as a label, whatever its object says, and without one', () => {
    const byName = (labels: Record<string, string>, more: readonly FactChange[] = []) =>
      decide(
        ruled(
          [{ namespaceSelector: { matchLabels: labels, matchExpressions: [] }, ...snat('203.0.113.7') }],
          more,
        ),
        POD,
        OUTSIDE,
      )[0];
    const label = 'kubernetes.io/metadata.name';
    expect(byName({ [label]: 'mail' }, [present('Namespace', { name: 'mail', labels: {} })])).toBe(
      '203.0.113.7',
    );
    expect(byName({ [label]: 'mail' })).toBe('203.0.113.7');
    expect(byName({ [label]: 'shop' })).toBe('masquerade');
  });

  test('an address that is named twice is one: no pod has to be known for it', () => {
    expect(decide(ruled([snat('203.0.113.7', '203.0.113.7')]), '10.244.1.77', OUTSIDE)[0]).toBe(
      '203.0.113.7',
    );
  });

  test('of two pods with one address the one that stays counts, whichever was created last', () => {
    const app = (createdAt: number, rest: Partial<PodFact>) =>
      present('Pod', pod([], { ips: [ip('10.244.1.9')], nat: null, createdAt, ...rest }));
    const chosen = (...more: FactChange[]) =>
      decide(ruled([{ ...selectsSmtp, ...snat('203.0.113.7') }], more), '10.244.1.9', OUTSIDE)[0];
    const leaving = { name: 'leaving', uid: 'z', terminating: true, labels: {} };
    const staying = { name: 'staying', uid: 'a', labels: { app: 'smtp' } };
    expect(chosen(app(2000, leaving), app(1000, staying))).toBe('203.0.113.7');
    expect(chosen(app(1000, staying), app(2000, leaving))).toBe('203.0.113.7');
    // Of two that leave, the later one.
    expect(chosen(app(2000, leaving), app(1000, { ...staying, terminating: true }))).toBe('masquerade');
  });

  test('what holds back pods that are not known needs a network of pods, wherever it is known from', () => {
    const rule = { ...selectsSmtp, ...snat('203.0.113.7'), fallback: 'drop' as const };
    const planned = (node: Partial<NodeFacts>) => {
      const planner = new Planner(nodeFacts({ podCIDRs: [], ...node }), defaultPlanOptions);
      planner.apply([present('EgressRule', egressRuleFact(rule))]);
      return planner.update();
    };
    const podInterface = { name: 'cni0', isPrefix: false };
    const known = planned({ podInterface, podNetworks: [cidr('10.244.1.0/24')] });
    expect(known.egressSource(ip('10.244.1.77'))?.rest).toEqual({ verdict: 'drop' });
    expect([...known.notices()]).toEqual([]);
    expect([...planned({ podInterface }).notices()]).toMatchObject([
      { code: 'NatInvalid', object: { kind: 'EgressRule', name: 'rule' } },
    ]);
  });

  test('of several addresses a pod has one, which stays when others come or the order changes', () => {
    const chosen = (...addresses: string[]) => decide(ruled([snat(...addresses)]), POD, OUTSIDE)[0];
    const first = chosen('203.0.113.7', '203.0.113.8');
    expect(['203.0.113.7', '203.0.113.8']).toContain(first);
    expect(chosen('203.0.113.8', '203.0.113.7')).toBe(first);
    expect(chosen('203.0.113.99', '203.0.113.8', '203.0.113.7')).toBe(first);
  });

  test('an address that the node lacks is reported once, and only if a pod would use it', () => {
    const notices = (rule: Partial<EgressRuleFact>) => [...planOf(ruled([rule])).notices()];
    expect(notices({ ...selectsSmtp, ...snat('203.0.113.99') })).toMatchObject([
      { code: 'NatAddressNotLocal', object: { kind: 'EgressRule', name: 'rule' } },
    ]);
    const nobody = { podSelector: { matchLabels: { app: 'none' }, matchExpressions: [] } };
    expect(notices({ ...nobody, ...snat('203.0.113.99') })).toEqual([]);
    expect(notices({ pools: ['podz'] })).toMatchObject([{ code: 'NatInvalid', object: { name: 'rule' } }]);
  });
});
