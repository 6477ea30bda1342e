import { describe, expect, test } from 'vitest';
import {
  cidr,
  egressRuleFact,
  ip,
  natEntry,
  nodeFacts,
  nodeObject,
  pod,
  pool,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import type { FactChange, FactKind } from '../model/facts.ts';
import { isolated } from './fragment.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

test('a part that throws is left out; if parts throw only together, all are left out', () => {
  const sum = (items: readonly number[]) => {
    if (items.includes(13)) throw new Error('13');
    if (items.includes(2) && items.includes(3)) throw new Error('2 and 3');
    return items.reduce((a, b) => a + b, 0);
  };
  expect(isolated([1, 2], sum)).toEqual({ result: 3, faulty: [] });
  expect(isolated([1, 13, 2], sum)).toMatchObject({ result: 3, faulty: [{ item: 13 }] });
  expect(isolated([1, 2, 3], sum)).toMatchObject({
    result: 0,
    faulty: [{ item: 1 }, { item: 2 }, { item: 3 }],
  });
});

/** The change with a field that throws when it is looked at, as if a parser had let something through. */
function faulty(change: FactChange, field: string): FactChange {
  const fact = { ...change.fact };
  Object.defineProperty(fact, field, {
    enumerable: true,
    get() {
      throw new RangeError('nobody expected this');
    },
  });
  return { ...change, fact } as FactChange;
}

const node = nodeFacts({ podAddressesFrom: ['IPPool', 'Pod'] });
const good: readonly FactChange[] = [
  present('Service', service()),
  present('EndpointSlice', slice(['10.244.1.9'])),
  present('Pod', pod([natEntry()])),
  present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
  present(
    'EgressRule',
    egressRuleFact({ name: 'keep', to: [{ cidr: cidr('198.51.100.0/24'), protocol: null, ports: null }] }),
  ),
  present('Node', nodeObject('node-b', ['192.0.2.99'])),
];
const felix = {
  name: 'default',
  natPortRange: null,
  natOutgoingAddress: [],
  iptablesNATOutgoingInterfaceFilter: 'eth+',
  natOutgoingExclusions: null,
};
const file = { name: 'f', nonMasqueradeCIDRs: [], masqLinkLocal: false, masqLinkLocalIPv6: false };

describe('an object whose fragment throws is reported, and all others are planned', () => {
  test.each<[FactKind, string, FactChange, string]>([
    [
      'Service',
      'shop/bad',
      present('Service', service({ name: 'bad', clusterIPs: [ip('10.96.0.99')] })),
      'ports',
    ],
    [
      'Pod',
      'shop/bad',
      present('Pod', pod([natEntry()], { namespace: 'shop', name: 'bad', ips: [ip('10.244.1.6')] })),
      'createdAt',
    ],
    ['IPPool', 'bad', present('IPPool', pool('bad', '10.9.0.0/16')), 'natOutgoing'],
    ['Node', 'bad', present('Node', nodeObject('bad', ['192.0.2.98'])), 'addresses'],
    ['FelixConfiguration', 'default', present('FelixConfiguration', felix), 'natPortRange'],
    ['EgressRule', 'bad', present('EgressRule', egressRuleFact({ name: 'bad' })), 'to'],
    ['IpMasqAgent', 'node-a', present('IpMasqAgent', file), 'nonMasqueradeCIDRs'],
  ])('%s', (kind, name, change, field) => {
    const planner = new Planner(node, defaultPlanOptions);
    planner.apply([...good, faulty(change, field)]);
    const plan = planner.update();
    expect(plan.entry('10.96.0.10:80/TCP')?.kind).toBe('ServiceFrontend');
    expect(plan.entry('203.0.113.7:25/TCP')?.kind).toBe('PodBinding');
    expect(plan.entry('scope IPv4')).toMatchObject({
      egressSources: { ranges: [{}] },
      pools: [{ name: 'pods' }],
    });
    expect(plan.egressSource(ip('10.244.1.77'))?.choices).toMatchObject([{ rule: 'keep' }]);
    const reported = [...plan.notices()].filter(({ message }) => message.includes('nobody expected this'));
    const names = reported.map(({ object }) =>
      [object.namespace, object.name].filter((each) => each !== '').join('/'),
    );
    expect(new Set(names)).toEqual(new Set([name]));
    expect(reported[0]?.object.kind).toBe(kind === 'IpMasqAgent' ? 'Node' : kind);
  });
});

test('"+" is every interface, whoever says so', () => {
  const scopeWith = (filter: string, option: string | null) => {
    const egress = { ...defaultPlanOptions.egress, natOutgoingInterfaceFilter: option };
    const planner = new Planner(node, { ...defaultPlanOptions, egress });
    planner.apply([present('FelixConfiguration', { ...felix, iptablesNATOutgoingInterfaceFilter: filter })]);
    return planner.update().entry('scope IPv4');
  };
  expect(scopeWith('+', null)).toMatchObject({ egress: { interfaceFilter: null } });
  expect(scopeWith('eth+', '+')).toMatchObject({ egress: { interfaceFilter: null } });
  expect(scopeWith('+', 'eth0')).toMatchObject({ egress: { interfaceFilter: 'eth0' } });
  expect(scopeWith('eth+', null)).toMatchObject({ egress: { interfaceFilter: 'eth+' } });
});
