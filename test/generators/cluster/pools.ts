import fc from 'fast-check';
import type { EgressObjects, FelixConfiguration, IPPool } from '../../conformance/oracle/egress.ts';
import { maybe, present, some } from './draw.ts';

const CIDRS = [
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.0.0/24',
  '10.180.0.0/16',
  '192.168.0.0/16',
  '198.51.100.0/24',
  '203.0.113.128/26',
  'fd00:10::/48',
  'fd00:10::/64',
  '2001:db8::/32',
  '2600:5200::/32',
];

/** Each has another fault, or is valid only with certain other fields of the pool. */
const DOUBTFUL = [
  '',
  '10.0.0.1/16',
  'everything',
  '10.0.0.0',
  '169.254.0.0/24',
  '10.0.0.0/28',
  'fd00:10::/124',
  'fe80::/64',
  '0.0.0.0/0',
  '::/0',
];

const mode = maybe(fc.constantFrom('Never', 'Never', 'Never', 'Always', 'CrossSubnet'));
const flag = maybe(fc.boolean());

const spec: fc.Arbitrary<IPPool['spec']> = fc
  .record({
    cidr: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...CIDRS) },
      { weight: 1, arbitrary: fc.constantFrom(...DOUBTFUL) },
    ),
    natOutgoing: fc.constantFrom(true, true, true, false, undefined),
    disabled: flag,
    blockSize: maybe(fc.constantFrom(0, 26, 26, 28, 122, 32, 128, 19, 129)),
    ipipMode: mode,
    vxlanMode: mode,
    allowedUses: maybe(
      fc.constantFrom([], ['Workload'], ['Workload', 'Tunnel'], ['LoadBalancer'], ['LoadBalancer', 'Tunnel']),
    ),
    nodeSelector: maybe(fc.constantFrom('all()', "zone == 'west'", '!all()')),
    assignmentMode: maybe(fc.constantFrom('Automatic', 'Manual')),
    disableBGPExport: flag,
  })
  .map(present);

const pool = (index: number): fc.Arbitrary<readonly IPPool[]> =>
  fc
    .record({
      group: fc.constantFrom('projectcalico.org/v3', 'crd.projectcalico.org/v1', 'knat.dev/v1'),
      spec,
      /** A second pool of the same name, in knat's group. */
      shadow: maybe(spec),
    })
    .map(({ group, spec: first, shadow }) => [
      { apiVersion: group, kind: 'IPPool' as const, metadata: { name: `pool-${index}` }, spec: first },
      ...(shadow === undefined || group === 'knat.dev/v1'
        ? []
        : [
            {
              apiVersion: 'knat.dev/v1',
              kind: 'IPPool' as const,
              metadata: { name: `pool-${index}` },
              spec: shadow,
            },
          ]),
    ]);

const felix: fc.Arbitrary<FelixConfiguration> = fc
  .record({
    name: fc.constantFrom('default', 'default', 'node.node-1'),
    spec: fc
      .record({
        natOutgoingExclusions: maybe(fc.constantFrom('IPPoolsOnly', 'IPPoolsAndHostIPs')),
        natOutgoingAddress: fc.constantFrom(
          '192.168.1.2',
          '192.168.1.2',
          '2001:db8:1::2',
          '203.0.113.77',
          undefined,
        ),
        ipipEnabled: flag,
        logSeverityScreen: maybe(fc.constant('Info')),
      })
      .map(present),
  })
  .map(({ name, spec: settings }) => ({
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'FelixConfiguration',
    metadata: { name },
    spec: settings,
  }));

/** The addresses of other Nodes; those of this node are in its own object. */
export const otherHosts = some(['192.168.7.7', '203.0.113.2', '10.180.0.9', '2001:db8:9::7', '2600:5200::1']);

export const egressObjects: fc.Arbitrary<Omit<EgressObjects, 'hosts'>> = fc.record({
  pools: fc
    .tuple(pool(0), pool(1), pool(2))
    .chain((all) => fc.subarray(all, { minLength: 1 }))
    .map((all) => all.flat()),
  felix: fc.array(felix, { maxLength: 1, size: 'max' }),
});
