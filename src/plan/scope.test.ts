import { describe, expect, test } from 'vitest';
import { cidr, nodeFacts, nodeObject, pool } from '../../test/generators/build.ts';
import type { NodeFact, NodeFacts } from '../model/node.ts';
import type { PoolFact } from '../model/pool.ts';
import type { Family } from '../net/family.ts';
import { canonicalEntry } from './canonical.ts';
import { defaultPlanOptions, type EnabledKinds } from './options.ts';
import { scopeFragment } from './scope.ts';

interface Given {
  readonly pools?: readonly PoolFact[];
  readonly nodes?: readonly NodeFact[];
  readonly node?: NodeFacts;
  readonly enable?: Partial<EnabledKinds>;
  readonly family?: Family;
}

function scope({ pools = [], nodes = [], node = nodeFacts(), enable = {}, family = 'IPv4' }: Given) {
  const options = { ...defaultPlanOptions, enable: { ...defaultPlanOptions.enable, ...enable } };
  return canonicalEntry(scopeFragment({ pools, nodes }, node, options).scopes[family]);
}

const nat = { natOutgoing: true };
const pods = pool('pods', '192.168.0.0/16', nat);

describe('egress', () => {
  test('Calico’s example: a disabled pool is still no NATed destination', () => {
    const pools = [pods, pool('no-nat-10.0.0.0-8', '10.0.0.0/8', { disabled: true })];
    expect(scope({ pools })).toMatchObject({
      egressSources: ['192.168.0.0/16'],
      egressExempt: ['10.0.0.0/8', '192.168.0.0/16'],
      pools: ['no-nat-10.0.0.0-8=10.0.0.0/8', 'pods=192.168.0.0/16'],
    });
  });

  test('a disabled pool is NATed from all the same', () => {
    expect(scope({ pools: [pool('a', '10.0.0.0/8', { ...nat, disabled: true })] })).toMatchObject({
      egressSources: ['10.0.0.0/8'],
    });
  });

  test('a pool for load balancers alone is NATed to, and from', () => {
    expect(scope({ pools: [pool('lb', '10.0.0.0/8', { ...nat, loadBalancerOnly: true })] })).toMatchObject({
      egressSources: ['10.0.0.0/8'],
      egressExempt: [],
    });
  });

  test('overlapping pools are one range', () => {
    const pools = [pool('a', '10.0.0.0/9', nat), pool('b', '10.0.0.0/8', nat), pool('c', '11.0.0.0/8')];
    expect(scope({ pools })).toMatchObject({ egressSources: ['10.0.0.0/8'], egressExempt: ['10.0.0.0/7'] });
  });

  test('families do not mix', () => {
    const pools = [pods, pool('six', 'fd00:244::/48', nat)];
    expect(scope({ pools, family: 'IPv6' })).toMatchObject({
      egressSources: ['fd00:244::/48'],
      egressExempt: ['fd00:244::/48'],
      pools: ['six=fd00:244::/48'],
    });
  });

  test('a pool without natOutgoing inside one with it gets a notice that names the other', () => {
    const inner = pool('inner', '192.168.7.0/24');
    const outside = pool('outside', '10.0.0.0/8');
    const wider = pool('wider', '192.0.0.0/8');
    const { notices } = scopeFragment(
      { pools: [inner, pods, outside, wider], nodes: [] },
      nodeFacts(),
      defaultPlanOptions,
    );
    expect(notices).toMatchObject([{ code: 'NatPoolOverridden', object: { kind: 'IPPool', name: 'inner' } }]);
    expect(notices[0]?.message).toContain('pool pods (192.168.0.0/16)');
  });

  test('of one CIDR in two pools, the one with natOutgoing decides', () => {
    const twin = pool('twin', '192.168.0.0/16');
    const { notices } = scopeFragment({ pools: [twin, pods], nodes: [] }, nodeFacts(), defaultPlanOptions);
    expect(notices.map(({ object }) => object.name)).toEqual(['twin']);
    expect(scope({ pools: [twin, pods] })).toMatchObject({ egressSources: ['192.168.0.0/16'] });
  });
});

describe('masquerading to ClusterIPs', () => {
  const masqueraded = (rest: Partial<NodeFacts>) => scope({ node: nodeFacts(rest) }).masqueradeToClusterIP;
  test.each([
    ['outside the pod CIDRs', { podCIDRs: [cidr('128.0.0.0/1')] }, ['0.0.0.0/1']],
    ['no pod CIDRs known: nobody', { podCIDRs: [] }, []],
    ['no pod CIDRs known, masqueradeAll: everybody', { podCIDRs: [], masqueradeAll: true }, ['0.0.0.0/0']],
    ['masqueradeAll: everybody', { masqueradeAll: true }, ['0.0.0.0/0']],
    ['pod CIDRs of the other family only: nobody', { podCIDRs: [cidr('fd00::/8')] }, []],
  ])('%s', (_, given, expected) => {
    expect(masqueraded(given)).toEqual(expected);
  });
});

describe('destinations internal to Pod NAT', () => {
  test('the networks of the options, pools, service and pod CIDRs, all nodes', () => {
    const given = {
      pools: [pool('lab', '198.18.0.0/15', { loadBalancerOnly: true })],
      nodes: [nodeObject('node-b', ['203.0.113.99', '2001:db8::99'])],
      node: nodeFacts({ podCIDRs: [cidr('100.64.0.0/16')], serviceCIDRs: [cidr('100.65.0.0/16')] }),
    };
    expect(scope(given).podNatInternal).toEqual([
      '10.0.0.0/8',
      '100.64.0.0/15',
      '127.0.0.0/8',
      '172.16.0.0/12',
      '192.0.2.10',
      '192.168.0.0/16',
      '198.18.0.0/15',
      '203.0.113.7',
      '203.0.113.99',
    ]);
    expect(scope({ ...given, family: 'IPv6' }).podNatInternal).toEqual([
      '2001:db8::10',
      '2001:db8::99',
      'fc00::/7',
      'fe80::/10',
    ]);
  });
});

describe('a kind that is switched off leaves nothing', () => {
  const pools = [pods];

  test('service', () => {
    expect(scope({ pools, enable: { service: false } })).toMatchObject({
      pods: [],
      serviceCIDRs: [],
      masqueradeToClusterIP: [],
      egressSources: ['192.168.0.0/16'],
    });
  });
  test('egress', () => {
    expect(scope({ pools, enable: { egress: false } })).toMatchObject({
      egressSources: [],
      egressExempt: [],
    });
    const options = { ...defaultPlanOptions, enable: { service: true, pod: true, egress: false } };
    const nested = [pods, pool('inner', '192.168.7.0/24')];
    expect(scopeFragment({ pools: nested, nodes: [] }, nodeFacts(), options).notices).toEqual([]);
  });
  test('pod', () => {
    expect(scope({ pools, enable: { pod: false } })).toMatchObject({ podNatInternal: [] });
  });
});
