import { describe, expect, test } from 'vitest';
import {
  cidr,
  ip,
  localAddress,
  nodeFacts,
  nodeObject,
  pod,
  pool,
  present,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import type { IpMasqAgentFact } from '../model/ip-masq-agent.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PodFact } from '../model/pod.ts';
import { canonicalPlan } from './canonical.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

const file: IpMasqAgentFact = {
  name: '/etc/config/ip-masq-agent',
  nonMasqueradeCIDRs: [cidr('10.0.0.0/8')],
  masqLinkLocal: false,
  masqLinkLocalIPv6: false,
};
const inForce = present('IpMasqAgent', file);

function planned(node: Partial<NodeFacts>, changes: readonly FactChange[]) {
  const planner = new Planner(nodeFacts({ podCIDRs: [], ...node }), defaultPlanOptions);
  planner.apply(changes);
  planner.update();
  return planner;
}

function scope(planner: Planner, family = 'IPv4') {
  return canonicalPlan(planner.plan).find(({ key }) => key === `scope ${family}`);
}

const podAt = (name: string, address: string, rest: Partial<PodFact> = {}) =>
  present('Pod', pod([], { name, uid: name, ips: [ip(address)], nat: null, ...rest }));

describe('sources that count as pods', () => {
  const reported = { podCIDRs: [cidr('10.244.1.0/24')], podAddressesFrom: ['IPPool', 'Pod'] } as const;

  test('the pod CIDRs of the Node, pools for pods, and Pods of this node elsewhere', () => {
    const planner = planned(reported, [
      present('IPPool', pool('pods', '192.168.0.0/16')),
      present('IPPool', pool('no-nat', '10.0.0.0/8', { disabled: true })),
      present('IPPool', pool('vips', '198.51.100.0/24', { loadBalancerOnly: true })),
      present('IPPool', pool('tunnels', '172.16.0.0/12', { noWorkloads: true })),
      podAt('in-disabled', '10.9.9.9'),
      podAt('in-pool', '192.168.7.7'),
      podAt('elsewhere', '100.64.0.9', { nodeName: 'node-b' }),
      podAt('of-the-host', '192.0.2.10', { hostNetwork: true }),
      podAt('finished', '100.64.0.8', { finished: true }),
      podAt('terminating', '100.64.0.7', { terminating: true }),
    ]);
    expect(scope(planner)).toMatchObject({
      pods: ['10.9.9.9', '10.244.1.0/24', '100.64.0.7', '192.168.0.0/16'],
      masqueradeToClusterIP: expect.not.arrayContaining(['0.0.0.0/0']),
    });
  });

  test('without any network no source is masqueraded, since pods of other nodes are unknown', () => {
    const planner = planned({ ...reported, podCIDRs: [] }, [podAt('a', '100.64.0.7')]);
    expect(scope(planner)).toMatchObject({ pods: ['100.64.0.7'], masqueradeToClusterIP: [] });
  });

  test('where pod CIDRs are configured they alone count', () => {
    const changes = [present('IPPool', pool('pods', '192.168.0.0/16')), podAt('a', '100.64.0.7')];
    expect(scope(planned({ ...reported, podAddressesFrom: [] }, changes))).toMatchObject({
      pods: ['10.244.1.0/24'],
    });
  });

  test('an address comes and goes with its Pod, and a Pod within the networks changes no scope', () => {
    const planner = planned(reported, []);
    planner.apply([podAt('a', '100.64.0.7')]);
    expect(scope(planner)).toMatchObject({ pods: ['10.244.1.0/24'] });
    planner.update();
    expect(scope(planner)).toMatchObject({ pods: ['10.244.1.0/24', '100.64.0.7'] });
    planner.apply([podAt('a', '100.64.0.7', { finished: true })]);
    const { revision } = planner.update();
    expect(scope(planner)).toMatchObject({ pods: ['10.244.1.0/24'] });
    planner.apply([podAt('b', '10.244.1.9')]);
    expect(planner.update().revision).toBe(revision);
  });
});

describe('sources to which a file of ip-masq-agent applies', () => {
  const notices = (planner: Planner) => [...planner.plan.notices()];

  test('pods recognised by interface: traffic that enters by it, and the known networks', () => {
    const podInterface = { name: 'cni0', isPrefix: false };
    const planner = planned({ podInterface, podNetworks: [cidr('10.244.1.0/24')] }, [inForce]);
    expect(scope(planner)).toMatchObject({ egressSources: ['10.244.1.0/24'], egressInterface: 'cni0' });
    expect(scope(planner, 'IPv6')).toMatchObject({ egressSources: [], egressInterface: null });
    expect(notices(planner)).toEqual([]);
  });

  test('a Node without pod CIDRs: the addresses of its Pods', () => {
    const planner = planned({}, [inForce, podAt('a', '100.64.0.7')]);
    expect(scope(planner)).toMatchObject({ egressSources: ['100.64.0.7'], egressInterface: null });
    expect(notices(planner)).toEqual([]);
  });

  test('nothing known at all is reported, and host traffic needs no pod', () => {
    const planner = planned({}, [inForce]);
    expect(scope(planner)).toMatchObject({ egressSources: [] });
    expect(notices(planner)).toMatchObject([
      { code: 'NatInvalid', object: { kind: 'Node', name: 'node-a' } },
    ]);
    const egress = { ...defaultPlanOptions.egress, masqueradeHostTraffic: true };
    const all = new Planner(nodeFacts({ podCIDRs: [] }), { ...defaultPlanOptions, egress });
    all.apply([inForce]);
    expect([...all.update().notices()]).toEqual([]);
  });

  test('addresses of the node itself are no pods', () => {
    const node = { localAddresses: [localAddress('100.64.0.7')] };
    expect(scope(planned(node, [inForce, podAt('a', '100.64.0.7')]))).toMatchObject({ egressSources: [] });
  });

  test('without a file, Pods elsewhere are no sources', () => {
    const planner = planned({}, [present('Node', nodeObject('node-a', [])), podAt('a', '100.64.0.7')]);
    expect(scope(planner)).toMatchObject({ egressSources: [], pods: [] });
  });
});
