import fc from 'fast-check';
import type { NodeConfig } from '../../conformance/oracle/manifests.ts';
import { some } from './draw.ts';
import { LOCAL } from './world.ts';

export const node: fc.Arbitrary<NodeConfig> = fc.record({
  nodeName: fc.constant('node-1'),
  nodeIP: fc.constantFrom<string | readonly string[]>(
    '192.168.0.2',
    '192.168.0.2',
    '2001:db8::1',
    ['192.168.0.2', '2001:db8::1'],
    ['2001:db8::1', '192.168.0.2'],
  ),
  localNodeIPs: fc.constantFrom(LOCAL, LOCAL, [...LOCAL, '127.0.0.1', '::1']),
  podCIDRs: some(['10.0.0.0/8', '10.0.0.0/24', '10.180.0.0/16', 'fd00:10::/64', 'fd00:10::/48']),
  serviceCIDRs: some(['172.30.0.0/16', 'fd00:10:96::/112']),
  nodePortAddresses: fc.oneof(
    fc.constantFrom([], ['primary'], ['192.168.0.2/32'], ['192.168.0.0/24', '192.168.1.0/24']),
    some([
      '192.168.0.0/16',
      '0.0.0.0/0',
      '127.0.0.0/8',
      '10.0.0.0/8',
      '2001:db8::/64',
      '::/0',
      '2001:db8:1::2/128',
    ]),
  ),
  masqueradeAll: fc.constantFrom(false, false, false, true),
  topologyLabels: fc.constantFrom<Record<string, string>>(
    {},
    { 'topology.kubernetes.io/zone': 'zone-a' },
    { 'topology.kubernetes.io/zone': 'zone-b' },
    { 'topology.kubernetes.io/zone': '' },
  ),
});
