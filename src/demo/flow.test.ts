import { expect, test } from 'vitest';
import { outsideAddress, podAddress } from '../lab/address-plan.ts';
import { type Ending, isAsExpected, type StagedFlow } from './flow.ts';

const pod = podAddress(1, 10);
const client = outsideAddress(11);

function flow(expected: StagedFlow['expected']): StagedFlow {
  return { title: '', remark: '', from: 'client', to: pod, port: 80, protocol: 'TCP', expected };
}

function answers(...each: readonly (readonly [string, string])[]): Ending[] {
  return each.map(([end, saw]) => ({ end, saw, count: 3 }));
}

test('every expected pod must answer, in any order, and no other', () => {
  const both = flow({
    answeredBy: [
      { by: 'web1', saw: client },
      { by: 'web2', saw: client },
    ],
  });
  const [one, other] = [
    ['web1', '198.51.100.11'],
    ['web2', '198.51.100.11'],
  ] as const;
  expect(isAsExpected(both, 'IPv4', answers(one, other))).toBe(true);
  expect(isAsExpected(both, 'IPv4', answers(other, one))).toBe(true);
  expect(isAsExpected(both, 'IPv4', answers(one))).toBe(false);
  expect(isAsExpected(both, 'IPv4', answers(one, other, ['web3', '198.51.100.11']))).toBe(false);
  expect(
    isAsExpected(both, 'IPv4', [...answers(one, other), { end: 'no answer', saw: null, count: 1 }]),
  ).toBe(false);
});

test('the source that was seen must be that of the family', () => {
  const seen = flow({ answeredBy: [{ by: 'web1', saw: client }] });
  expect(isAsExpected(seen, 'IPv6', answers(['web1', '2001:db8:198::11']))).toBe(true);
  expect(isAsExpected(seen, 'IPv6', answers(['web1', '198.51.100.11']))).toBe(false);
  expect(isAsExpected(seen, 'IPv4', answers(['web1', '203.0.113.11']))).toBe(false);
});

test('no answer and a refusal are two things', () => {
  const silence = flow({ answeredBy: [], instead: 'no answer' });
  expect(isAsExpected(silence, 'IPv4', [{ end: 'no answer', saw: null, count: 1 }])).toBe(true);
  expect(isAsExpected(silence, 'IPv4', [{ end: 'refused', saw: null, count: 1 }])).toBe(false);
  expect(isAsExpected(silence, 'IPv4', answers(['web1', '198.51.100.11']))).toBe(false);
});
