import { expect, test } from 'vitest';
import { absent, cidr, ip, nodeFacts, present, service } from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { formatSet } from './canonical.ts';
import { scopeOf } from './nat-plan.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

const node = nodeFacts({ serviceCIDRs: [cidr('10.96.0.0/24')], podCIDRs: [] });
const options = { ...defaultPlanOptions, internalNetworks: [] };

function planner(...changes: FactChange[]) {
  const made = new Planner(node, options);
  const ranges = () => {
    const { serviceCIDRs, podNatInternal } = scopeOf(made.update(), 'IPv4');
    return { dropped: formatSet(serviceCIDRs), internal: formatSet(podNatInternal) };
  };
  const apply = (...more: FactChange[]) => {
    made.apply(more);
    return ranges();
  };
  return { apply, ranges: () => apply(...changes) };
}

const range = (name: string, ...cidrs: string[]) => present('ServiceCIDR', { name, cidrs: cidrs.map(cidr) });
const others = (rest: Parameters<typeof service>[0] = {}) =>
  present(
    'Service',
    service({
      notOurs: { kind: 'label', label: 'service.kubernetes.io/service-proxy-name' },
      clusterIPs: [ip('10.96.0.0')],
      ...rest,
    }),
  );

test('the configured ranges and those of ServiceCIDR objects, which come and go', () => {
  const { apply, ranges } = planner(range('kubernetes', '10.97.0.0/24', 'fd00:97::/112'));
  expect(ranges().dropped).toEqual(['10.96.0.0/24', '10.97.0.0/24']);
  expect(ranges().internal).toEqual(expect.arrayContaining(['10.97.0.0/24']));
  expect(apply(range('more', '10.96.0.0/25', '10.98.0.0/24')).dropped).toEqual([
    '10.96.0.0/24',
    '10.97.0.0/24',
    '10.98.0.0/24',
  ]);
  expect(apply(absent('ServiceCIDR', 'kubernetes'), absent('ServiceCIDR', 'more')).dropped).toEqual([
    '10.96.0.0/24',
  ]);
});

test('addresses of Services that another proxy serves are left alone, for as long as it serves them', () => {
  const { apply } = planner();
  const given = others({ externalIPs: [ip('10.96.0.255')], loadBalancerIPs: [ip('10.96.0.128')] });
  expect(apply(given)).toEqual({
    dropped: ['10.96.0.1-10.96.0.127', '10.96.0.129-10.96.0.254'],
    internal: expect.arrayContaining(['10.96.0.0/24']),
  });
  expect(apply(present('Service', service())).dropped).toEqual(['10.96.0.0/24']);
  expect(apply(others()).dropped).toEqual(['10.96.0.1-10.96.0.255']);
  expect(apply(absent('Service', 'shop/web')).dropped).toEqual(['10.96.0.0/24']);
});

test('those without an address, by type or as headless, change nothing', () => {
  const { apply } = planner();
  expect(apply(others({ notOurs: { kind: 'headless' }, clusterIPs: [] })).dropped).toEqual(['10.96.0.0/24']);
});
