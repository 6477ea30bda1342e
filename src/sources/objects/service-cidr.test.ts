import { expect, test } from 'vitest';
import { formatFinding } from '../../model/finding.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { factKindOf, parseFact } from './fact-object.ts';
import { defaultPodNatOptions } from './metadata.ts';
import { SharedValues } from './shared.ts';

const context = { shared: new SharedValues(), podNat: defaultPodNatOptions, debug: () => {} };

function read(cidrs: unknown, metadata: object = {}) {
  const object = { metadata: { name: 'kubernetes', namespace: 'x', ...metadata }, spec: { cidrs } };
  const parsed = parseFact('ServiceCIDR', object, context);
  const problems = parsed.ok ? parsed.warnings : parsed.problems;
  return {
    cidrs: parsed.ok ? (parsed.fact?.cidrs.map(formatPrefix) ?? null) : null,
    problems: problems.map(formatFinding),
  };
}

test('the ranges of both families', () => {
  expect(read(['10.96.0.0/12', 'fd00:96::/112'])).toEqual({
    cidrs: ['10.96.0.0/12', 'fd00:96::/112'],
    problems: [],
  });
});

test('one that is being deleted counts until it is gone', () => {
  expect(read(['10.96.0.0/12'], { deletionTimestamp: '2026-01-01T00:00:00Z' }).cidrs).toEqual([
    '10.96.0.0/12',
  ]);
});

test('a bad range does not take the other', () => {
  expect(read(['10.96.0.0/12', 'x'])).toEqual({
    cidrs: ['10.96.0.0/12'],
    problems: [
      'ServiceCIDR kubernetes: spec.cidrs[1]: "x" is no CIDR: write ADDRESS/LENGTH; it is left out (KNAT_PREFIX_INVALID)',
    ],
  });
  expect(read(['x']).cidrs).toBeNull();
});

test('of the group networking.k8s.io alone', () => {
  expect(factKindOf('networking.k8s.io/v1', 'ServiceCIDR')).toEqual({ kind: 'ServiceCIDR', rank: 0 });
  expect(factKindOf('networking.k8s.io/v1beta1', 'ServiceCIDR')).toEqual({ kind: 'ServiceCIDR', rank: 0 });
  expect(factKindOf('knat.dev/v1', 'ServiceCIDR')).toBeNull();
});
