import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { natEntry, nodeFacts, pod, portOf, present } from '../../../test/generators/build.ts';
import type { PodFact } from '../../model/pod.ts';
import type { PodBinding } from '../../plan/entry.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { isSameState, stateText } from './podnat-state.ts';

function bindingsOf(...pods: readonly PodFact[]): PodBinding[] {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(pods.map((each) => present('Pod', each)));
  return [...planner.update().entries()].flatMap((entry) => (entry.kind === 'PodBinding' ? [entry] : []));
}

const at = '2026-01-02T03:04:05.678Z';
const smtp = bindingsOf(pod([natEntry()]));
const rule = {
  Protocol: 'tcp',
  SourceIP: { IP: '203.0.113.7', Zone: '' },
  SourcePort: 25,
  DestinationIP: { IP: '10.244.1.5', Zone: '' },
  DestinationPort: 25,
  LastVerified: at,
  Created: at,
  Comment: 'mail:smtp',
};

test('the form is that of podnat-controller, byte by byte', () => {
  expect(stateText(smtp, null, at)).toBe(JSON.stringify({ '203.0.113.7:25': [rule] }));
});

test('TCP and UDP on one port stand in one list; the order is that of the keys', () => {
  const entries = [
    natEntry({ sourcePort: portOf(53), destinationPort: portOf(53), protocol: 'UDP' }),
    natEntry({ sourcePort: portOf(53), destinationPort: portOf(53) }),
    natEntry({ sourcePort: portOf(250) }),
    natEntry(),
  ];
  const state = JSON.parse(stateText(bindingsOf(pod(entries)), null, at));
  expect(Object.keys(state)).toEqual(['203.0.113.7:25', '203.0.113.7:250', '203.0.113.7:53']);
  expect(state['203.0.113.7:53'].map(({ Protocol }: { Protocol: string }) => Protocol)).toEqual([
    'tcp',
    'udp',
  ]);
});

test('IPv6 is left out: a rule of it would stop the original', () => {
  const six = smtp.map((binding) => ({ ...binding, tuple: { ...binding.tuple, address: '2001:db8::1' } }));
  expect(stateText(six as PodBinding[], null, at)).toBe('{}');
});

describe('Created', () => {
  const early = '2020-01-01T01:00:00.123456789+01:00';
  const earlier = (change: object) => JSON.stringify({ x: [{ ...rule, Created: early, ...change }] });

  test('of an earlier binding is kept as it was written', () => {
    expect(JSON.parse(stateText(smtp, earlier({}), at))).toEqual({
      '203.0.113.7:25': [{ ...rule, Created: early }],
    });
  });

  test.each([
    [{ Protocol: 'udp' }],
    [{ DestinationPort: 26 }],
    [{ DestinationIP: { IP: '10.244.1.6', Zone: '' } }],
    [{ Comment: 'mail:other' }],
    [{ Created: 'yesterday' }],
    [{ Created: 5 }],
  ])('of another binding is not: %j', (change) => {
    expect(JSON.parse(stateText(smtp, earlier(change), at))).toEqual({ '203.0.113.7:25': [rule] });
  });

  test('in the form of early releases, one rule in the place of a list', () => {
    const text = JSON.stringify({ '203.0.113.7:25': { ...rule, Created: early } });
    expect(stateText(smtp, text, at)).toContain(early);
  });
});

test.each([
  null,
  '',
  'null',
  '[]',
  '5',
  '{',
  '{"a":null}',
  '{"a":[null,5,{"SourceIP":null}]}',
  '"x"',
  '[[]]',
])('a state of %j crashes nothing', (text) => {
  expect(JSON.parse(stateText(smtp, text, at))).toEqual({ '203.0.113.7:25': [rule] });
});

test('any JSON crashes nothing', () => {
  fc.assert(fc.property(fc.json(), (text) => stateText(smtp, text, at).length > 0));
});

test('the same state is the same whenever it was verified; nothing is an empty one', () => {
  const later = stateText(smtp, stateText(smtp, null, at), '2026-02-01T00:00:00Z');
  expect(later).not.toBe(stateText(smtp, null, at));
  expect(isSameState(stateText(smtp, null, at), later)).toBe(true);
  expect(isSameState(null, '{}')).toBe(true);
  expect(isSameState(later, '{}')).toBe(false);
  expect(isSameState('null', '{}')).toBe(false);
});
