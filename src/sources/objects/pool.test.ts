import { describe, expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { factKindOf } from './fact-object.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { parsePool } from './pool.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };
const parse = (spec: unknown) => parsePool({ metadata: { name: 'p' }, spec }, context);

const SMALL =
  'spec.cidr: IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size. (KNAT_POOL_CIDR)';

describe('parsePool', () => {
  test("the two examples of Calico's page", () => {
    expect(parse({ cidr: '192.168.0.0/16', natOutgoing: true })).toEqual({
      ok: true,
      warnings: [],
      fact: {
        name: 'p',
        cidr: { family: 'IPv4', address: '192.168.0.0', length: 16 },
        natOutgoing: true,
        disabled: false,
        loadBalancerOnly: false,
      },
    });
    expect(parse({ cidr: '10.0.0.0/8', disabled: true })).toMatchObject({
      fact: { natOutgoing: false, disabled: true },
    });
  });

  test.each([
    [{ cidr: '10.0.0.0/26' }, false],
    [{ cidr: '10.0.0.0/27', disabled: true }, false],
    [{ cidr: '10.0.0.0/30', blockSize: 30, allowedUses: ['LoadBalancer'] }, true],
    [{ cidr: '10.0.0.0/16', blockSize: 0, ipipMode: 'Always', vxlanMode: 'Never' }, false],
    [{ cidr: '10.0.0.0/16', vxlanMode: 'CrossSubnet', ipipMode: '' }, false],
    [{ cidr: 'FD00::/122', vxlanMode: 'Always' }, false],
    [{ cidr: '10.0.0.0/16', nodeSelector: '!!', assignmentMode: 5, disableBGPExport: 'x' }, false],
  ])('%j is accepted', (spec, loadBalancerOnly) => {
    expect(parse(spec)).toMatchObject({ ok: true, fact: { loadBalancerOnly } });
  });

  test.each([
    [{}, ['spec.cidr: IPPool CIDR must be specified (KNAT_POOL_CIDR)']],
    [{ cidr: '' }, ['spec.cidr: IPPool CIDR must be specified (KNAT_POOL_CIDR)']],
    [{ cidr: '10.0.0.0' }, ['spec.cidr: IPPool CIDR must be a valid subnet (KNAT_POOL_CIDR)']],
    [{ cidr: '10.0.0.0/33' }, ['spec.cidr: IPPool CIDR must be a valid subnet (KNAT_POOL_CIDR)']],
    [{ cidr: '10.0.0.1/8' }, ['spec.cidr: IPPool CIDR is not strictly masked (KNAT_POOL_CIDR)']],
    [{ cidr: '10.0.0.0/27' }, [SMALL]],
    [{ cidr: 'fd00::/123' }, [SMALL]],
    [
      { cidr: '10.0.0.0/8', blockSize: 19 },
      ['spec.blockSize: IPv4 block size must be between 20 and 32 (KNAT_POOL_BLOCK_SIZE)'],
    ],
    [
      { cidr: 'fd00::/64', blockSize: 115 },
      ['spec.blockSize: IPv6 block size must be between 116 and 128 (KNAT_POOL_BLOCK_SIZE)'],
    ],
    [
      { cidr: '10.0.0.0/8', blockSize: 33, disabled: true },
      ['spec.blockSize: IPv4 block size must be between 20 and 32 (KNAT_POOL_BLOCK_SIZE)'],
    ],
    [
      { cidr: '169.254.1.0/24' },
      ['spec.cidr: IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16 (KNAT_POOL_CIDR)'],
    ],
    [
      { cidr: '0.0.0.0/0' },
      ['spec.cidr: IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16 (KNAT_POOL_CIDR)'],
    ],
    [
      { cidr: 'fe80::/64' },
      ['spec.cidr: IPPool CIDR overlaps with IPv6 Link Local range fe80::/10 (KNAT_POOL_CIDR)'],
    ],
    [
      { cidr: 'fd00::/64', ipipMode: 'Always' },
      ['spec.ipipMode: IPIP is not supported on an IPv6 IP pool (KNAT_POOL_ENCAPSULATION)'],
    ],
    [
      { cidr: '10.0.0.0/8', ipipMode: 'Always', vxlanMode: 'CrossSubnet' },
      ['spec.vxlanMode: Cannot enable both VXLAN and IPIP on the same IPPool (KNAT_POOL_ENCAPSULATION)'],
    ],
    [
      { cidr: '10.0.0.0/8', allowedUses: ['LoadBalancer', 'Workload'] },
      [
        'spec.allowedUses: LoadBalancer cannot be used together with Workload or Tunnel: make a pool of its own (KNAT_POOL_USES)',
      ],
    ],
    [
      { cidr: '10.0.0.0/8', allowedUses: ['LoadBalancer'], vxlanMode: 'Always' },
      [
        'spec.vxlanMode: a pool for load balancers cannot be encapsulated: set ipipMode and vxlanMode to Never (KNAT_POOL_ENCAPSULATION)',
      ],
    ],
    [
      { cidr: '10.0.0.0/8', allowedUses: ['Pods'] },
      [
        'spec.allowedUses[0]: "Pods" is not known: use one of Workload, Tunnel, LoadBalancer (KNAT_FIELD_VALUE)',
      ],
    ],
    [
      { cidr: '10.0.0.0/8', natOutgoing: 'true' },
      ['spec.natOutgoing: must be true or false, not the text "true" (KNAT_FIELD_TYPE)'],
    ],
    [
      { cidr: '169.254.0.1/27' },
      [
        'spec.cidr: IPPool CIDR is not strictly masked (KNAT_POOL_CIDR)',
        SMALL,
        'spec.cidr: IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16 (KNAT_POOL_CIDR)',
      ],
    ],
  ])('%j is refused', (spec, messages) => {
    const parsed = parse(spec);
    expect(parsed.ok ? [] : parsed.problems.map(formatFinding)).toEqual(
      messages.map((each) => `IPPool p: ${each}`),
    );
  });

  test("Calico's groups decide before ours, others are no pools", () => {
    const versions = [
      'projectcalico.org/v3',
      'crd.projectcalico.org/v1',
      'knat.dev/v1',
      'v1',
      'x.knat.dev/v1',
    ];
    expect(versions.map((version) => factKindOf(version, 'IPPool')?.rank ?? null)).toEqual([
      0,
      1,
      2,
      null,
      null,
    ]);
  });
});
