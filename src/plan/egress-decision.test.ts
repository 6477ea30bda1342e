import { describe, expect, test } from 'vitest';
import {
  cidr,
  ip,
  localAddress,
  nodeFacts,
  nodeObject,
  pod,
  pool,
  portOf,
  present,
} from '../../test/generators/build.ts';
import type { EgressRuleFact } from '../model/egress-rule.ts';
import type { FactChange } from '../model/facts.ts';
import type { FelixConfigurationFact } from '../model/felix-configuration.ts';
import type { IpMasqAgentFact } from '../model/ip-masq-agent.ts';
import { formatRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { familyOf } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import { formatPrefix } from '../net/prefix.ts';
import { decideEgress } from './egress-decision.ts';
import { scopeOf } from './nat-plan.ts';
import { defaultPlanOptions, type EgressOptions } from './options.ts';
import { Planner } from './planner.ts';

/** The tests follow the numbers of specs/egress-nat.md, "The decision". */

interface Given {
  readonly pools?: readonly PoolFact[];
  readonly options?: Partial<EgressOptions>;
  readonly felix?: Partial<FelixConfigurationFact>;
  readonly more?: readonly FactChange[];
  readonly reservedPorts?: readonly PortSpan[];
}

const NODE = nodeFacts({
  podCIDRs: [],
  localAddresses: ['192.0.2.10', '203.0.113.7', '203.0.113.8', '2001:db8::10'].map((one) =>
    localAddress(one),
  ),
});

function planOf({ pools = [], options = {}, felix, more = [], reservedPorts = [] }: Given) {
  const planner = new Planner(
    { ...NODE, reservedPorts },
    {
      ...defaultPlanOptions,
      egress: { ...defaultPlanOptions.egress, ...options },
    },
  );
  planner.apply(pools.map((fact) => present('IPPool', fact)));
  if (felix !== undefined) planner.apply([present('FelixConfiguration', { ...NO_FELIX, ...felix })]);
  planner.apply(more);
  return planner.update();
}

const NO_FELIX: FelixConfigurationFact = {
  name: 'default',
  natPortRange: null,
  natOutgoingAddress: [],
  iptablesNATOutgoingInterfaceFilter: null,
  natOutgoingExclusions: null,
};

/** `masquerade`, `keep`, `drop`, or the address; and what decided. */
function decide(
  given: Given,
  from: string,
  to: string,
  outInterface: string | null = null,
): [string, string] {
  const plan = planOf(given);
  const source = ip(from);
  const decision = decideEgress(scopeOf(plan, familyOf(source)), plan.egressSource(source), {
    source,
    destination: ip(to),
    protocol: 'TCP',
    port: portOf(443),
    outInterface,
  });
  const { outcome } = decision;
  const what = outcome.verdict === 'snat' ? outcome.to : outcome.verdict;
  switch (decision.by) {
    case 'rule':
      return [what, decision.choice.rule];
    case 'exempt':
      return [what, typeof decision.exemptBy === 'string' ? decision.exemptBy : decision.exemptBy.name];
    case 'pool':
    case 'interface':
      return [what, decision.pool?.name ?? 'ip-masq-agent'];
    default:
      return [what, decision.by];
  }
}

const nat = { natOutgoing: true };
const pods = pool('pods', '10.244.0.0/16', nat);
const six = pool('six', 'fd00:244::/48', nat);
const OUTSIDE = '198.51.100.9';
const OUTSIDE6 = '2001:db8:9::9';
const POD = '10.244.1.1';
const POD6 = 'fd00:244::1';

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
    expect(notices).toMatchObject([{ reason: 'NatPoolOverridden', object: { name: 'a' } }]);
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

describe('8: natPortRange', () => {
  const portsOf = (options: Partial<EgressOptions>, felix: Partial<FelixConfigurationFact> = {}) =>
    scopeOf(planOf({ options, felix }), 'IPv4')
      .egress.ports.map(({ first, last }) => `${first}-${last}`)
      .join();
  const span = (first: number, last: number) => ({ first: portOf(first), last: portOf(last) });
  test.each<[string, Partial<EgressOptions>, Partial<FelixConfigurationFact>, string]>([
    ['none: the kernel chooses', {}, {}, ''],
    ['of Calico', {}, { natPortRange: [span(32768, 65535)] }, '32768-65535'],
    [
      'the option goes first',
      { natPortRange: [span(1024, 2000)] },
      { natPortRange: [span(32768, 65535)] },
      '1024-2000',
    ],
    [
      'NodePorts and VXLAN are taken out',
      { natPortRange: [span(1024, 65535)] },
      {},
      '1024-4788,4790-29999,32768-65535',
    ],
    [
      'unless told otherwise',
      { natPortRange: [span(1024, 65535)], natPortExclusions: false },
      {},
      '1024-65535',
    ],
    ['several', { natPortRange: [span(40000, 41000), span(2000, 3000)] }, {}, '2000-3000,40000-41000'],
    ['where nothing is left, all', { natPortRange: [span(30000, 30010)] }, {}, '30000-30010'],
  ])('%s', (_, options, felix, expected) => {
    expect(portsOf(options, felix)).toBe(expected);
  });
  test('of very many pieces the widest are used', () => {
    const excludedPorts = Array.from({ length: 40 }, (_, index) =>
      span(1100 + 100 * index, 1100 + 100 * index),
    );
    const ports = portsOf({ natPortRange: [span(1024, 65535)], excludedPorts }).split(',');
    expect(ports).toHaveLength(16);
    expect(ports.at(-1)).toBe('5001-65535');
  });
  test('what the host reserves is taken out, and comes back when it is free again', () => {
    const planner = new Planner(nodeFacts({ reservedPorts: [span(2000, 2999)] }), {
      ...defaultPlanOptions,
      egress: { ...defaultPlanOptions.egress, natPortRange: [span(1024, 4000)] },
    });
    const ports = () =>
      scopeOf(planner.update(), 'IPv6').egress.ports.map(({ first, last }) => `${first}-${last}`);
    expect(ports()).toEqual(['1024-1999', '3000-4000']);
    planner.setNode(nodeFacts({ reservedPorts: [span(1024, 2000)] }));
    expect(ports()).toEqual(['2001-4000']);
    planner.setNode(nodeFacts());
    expect(ports()).toEqual(['1024-4000']);
    const all = { natPortRange: [span(1024, 4000)], natPortExclusions: false };
    const kept = planOf({ options: all, reservedPorts: [span(2000, 2999)] });
    expect(scopeOf(kept, 'IPv4').egress.ports).toEqual([span(1024, 4000)]);
  });
  test('what has no room is told of, on what asked for it', () => {
    const every = (count: number) =>
      Array.from({ length: count }, (_, index) => span(2000 + 100 * index, 2000 + 100 * index));
    const noticesOf = (
      options: Partial<EgressOptions>,
      felix: Partial<FelixConfigurationFact>,
      count: number,
    ) =>
      [...planOf({ options, felix, reservedPorts: every(count) }).notices()].map(
        ({ reason, object, message }) => `${reason} ${formatRef(object)}: ${message}`,
      );
    const range = { natPortRange: [span(1024, 29999)] };
    // 4789 makes one piece more, 15 reserved ports as many.
    expect(noticesOf(range, {}, 14)).toEqual([]);
    expect(noticesOf(range, {}, 20)).toEqual([
      'NatInvalid Node node-a: natPortRange: 22 ranges are left on node node-a, and 16 have room: the widest are used, ' +
        '28361 of 28955 ports; reserve ports in fewer ranges, or ask for fewer',
    ]);
    expect(noticesOf({}, range, 20)).toEqual([
      expect.stringContaining('NatInvalid FelixConfiguration default: natPortRange: 22 ranges are left'),
    ]);
  });
});

describe('9: natOutgoingAddress', () => {
  const felix = (...addresses: string[]) => ({ natOutgoingAddress: addresses.map(ip) });
  test('instead of masquerading, per family', () => {
    const given = { pools: [pods, six], felix: felix('203.0.113.7') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['203.0.113.7', 'pods']);
    expect(decide(given, POD6, OUTSIDE6)).toEqual(['masquerade', 'six']);
  });
  test('both families', () => {
    const given = { pools: [six], felix: felix('203.0.113.7', '2001:db8::10') };
    expect(decide(given, POD6, OUTSIDE6)).toEqual(['2001:db8::10', 'six']);
  });
  test('an address that is not on this host: an error on the object, and masquerading, never nothing', () => {
    const given = { pools: [pods], felix: felix('203.0.113.99') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
    expect([...planOf(given).notices()]).toMatchObject([
      { reason: 'NatAddressNotLocal', object: { kind: 'FelixConfiguration', name: 'default' } },
    ]);
  });
  test('the option goes first, and its error is told of the node', () => {
    const given = { pools: [pods], felix: felix('203.0.113.7'), options: felix('203.0.113.99') };
    expect(decide(given, POD, OUTSIDE)).toEqual(['masquerade', 'pods']);
    expect([...planOf(given).notices()]).toMatchObject([{ object: { kind: 'Node', name: 'node-a' } }]);
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

describe('EgressRules', () => {
  const base: EgressRuleFact = {
    name: 'rule',
    priority: 1000,
    reason: '',
    pools: [],
    namespaceSelector: null,
    podSelector: null,
    to: [],
    action: 'Keep',
    addresses: [],
    fallback: 'node',
  };
  const to = (text: string) => ({ cidr: cidr(text), protocol: null, ports: null });
  const snat = (...addresses: string[]) => ({ action: 'Snat' as const, addresses: addresses.map(ip) });
  const smtp = pod([], { name: 'smtp', ips: [ip(POD)], labels: { app: 'smtp' }, nat: null });
  const web = pod([], { name: 'web', ips: [ip('10.244.1.2')], labels: { app: 'web' }, nat: null });
  const selectsSmtp = { podSelector: { matchLabels: { app: 'smtp' }, matchExpressions: [] } };

  function ruled(rules: Partial<EgressRuleFact>[], more: readonly FactChange[] = []): Given {
    const facts = rules.map((fact) => present('EgressRule', { ...base, ...fact }));
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
