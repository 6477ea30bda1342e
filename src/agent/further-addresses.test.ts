import { describe, expect, test } from 'vitest';
import {
  egressRuleFact,
  ip,
  natEntry,
  nodeFacts,
  nodeObject,
  pod,
  portOf,
  present,
  service,
  servicePort,
} from '../../test/generators/build.ts';
import { hostPrefix } from '../net/prefix.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { askedAddress, furtherAddresses } from './further-addresses.ts';

const node = nodeFacts({ nodePortAddresses: [hostPrefix(ip('203.0.113.9'))] });
const named = (address: string, nodeName = 'node-a') =>
  pod([natEntry({ interfaceAuto: false, sourceIP: ip(address) })], {
    name: `p-${address}-${nodeName}`,
    nodeName,
  });

function planned(changes: Parameters<Planner['apply']>[0]): Planner {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(changes);
  planner.update();
  return planner;
}

describe('addresses that objects name', () => {
  test('of this node’s Pods and of EgressRules, without those of somebody else', () => {
    const own = String(node.nodeIPs[0]);
    const planner = planned([
      ...['203.0.113.77', own, '10.244.1.5', '203.0.113.12'].map((one) => present('Pod', named(one))),
      present('Pod', named('203.0.113.78', 'node-b')),
      present('Node', nodeObject('node-b', ['203.0.113.12'])),
      present('EgressRule', egressRuleFact({ action: 'Snat', addresses: [ip('203.0.113.80')] })),
    ]);
    expect(furtherAddresses(planner)).toEqual(['203.0.113.77', '203.0.113.80']);
    expect(furtherAddresses(planner, [present('Pod', named('203.0.113.70'))])).toContain('203.0.113.70');
  });

  test('are bounded', () => {
    const many = Array.from({ length: 300 }, (_, index) => ip(`198.18.${index >> 8}.${index & 255}`));
    const planner = planned([present('EgressRule', egressRuleFact({ action: 'Snat', addresses: many }))]);
    expect(furtherAddresses(planner)).toHaveLength(64);
  });
});

test('the destination counts if a NodePort would answer there', () => {
  const planner = planned([
    present('Service', service({ ports: [servicePort(80, { nodePort: portOf(30_080) })] })),
  ]);
  const packet = { source: ip('198.51.100.9'), destination: ip('203.0.113.9'), protocol: 'TCP' } as const;
  expect(askedAddress(planner, { ...packet, port: portOf(30_080) })).toEqual(['203.0.113.9']);
  expect(askedAddress(planner, { ...packet, port: portOf(30_081) })).toEqual([]);
  expect(askedAddress(planner, { ...packet, destination: ip('203.0.113.8'), port: portOf(30_080) })).toEqual(
    [],
  );
});
