import { expect, test } from 'vitest';
import { ip } from '../../test/generators/build.ts';
import type { FlowView } from '../wire/conntrack/flow-view.ts';
import type { Judgement } from './judge.ts';
import { PairCounter, SeenFlows } from './pairs.ts';

const web = { namespace: 'shop', name: 'web', kind: 'Service' } as const;
const pods = { namespace: '', name: 'pods', kind: 'IPPool' } as const;
const toWeb: Judgement = {
  destination: { kind: 'service', object: web, frontend: '10.96.0.10:80/TCP' },
  source: null,
  stale: null,
};
const outside: Judgement = { destination: null, source: { kind: 'egress', object: pods }, stale: null };
const hairpin: Judgement = { ...toWeb, source: { kind: 'service', object: web } };
const foreign: Judgement = {
  destination: { kind: 'other', object: null, frontend: '192.0.2.1:9/TCP' },
  source: { kind: 'other', object: null },
  stale: null,
};
const names = { of: (address: string) => (address === '10.244.1.5' ? 'Pod shop/web-0' : null) };

/** What of a view is looked at. */
function flow(id: number, answeredBy = '10.244.1.5', seenAs = '192.0.2.10'): FlowView {
  return { id, reply: { src: ip(answeredBy), sport: 8080, dst: ip(seenAs), dport: 40_000 } } as FlowView;
}

test('sums up by what translates and where it leads, names before addresses', () => {
  const counter = new PairCounter(names, null);
  counter.add(flow(1), toWeb);
  counter.add(flow(2), toWeb);
  counter.add(flow(3, '10.244.2.6'), hairpin);
  counter.add(flow(4), outside);
  counter.add(flow(5), foreign);
  counter.add(flow(6), { destination: null, source: null, stale: null });
  const from = 'Service shop/web 10.96.0.10:80/TCP';
  const rest = { flows: 1, newFlowsPerSecond: null };
  expect(counter.answer(10, 0).pairs).toEqual({
    flows: 5,
    newFlowsPerSecond: null,
    left: 0,
    pairs: [
      { kind: 'service', from, to: 'Pod shop/web-0', flows: 2, newFlowsPerSecond: null },
      { kind: 'service', from, to: '10.244.2.6:8080', ...rest },
      { kind: 'egress', from: 'IPPool pods', to: '192.0.2.10', ...rest },
      { kind: 'other', from: '192.0.2.1:9/TCP', to: 'Pod shop/web-0', ...rest },
      { kind: 'other', from: 'other', to: '192.0.2.10', ...rest },
    ],
  });
});

test('new are the flows that the look before had not; the busiest pairs come first and the others are counted', () => {
  const first = new PairCounter(names, null);
  for (const id of [1, 2, 3, 4]) first.add(flow(id), toWeb);
  const second = new PairCounter(names, first.answer(10, 1_000).look);
  for (const id of [2, 3, 4]) second.add(flow(id), toWeb);
  for (const id of [5, 6]) second.add(flow(id), outside);
  const { pairs } = second.answer(1, 5_000);
  expect(pairs).toEqual({
    flows: 5,
    newFlowsPerSecond: 0.5,
    left: 1,
    pairs: [{ kind: 'egress', from: 'IPPool pods', to: '192.0.2.10', flows: 2, newFlowsPerSecond: 0.5 }],
  });
});

test('with more flows than are remembered, rates are those of a sample', () => {
  const seen = new SeenFlows(100);
  for (let id = 0; id < 1_000; id++) seen.add(id);
  const counted = (from: number, to: number) => {
    let sum = 0;
    for (let id = from; id < to; id++) sum += seen.newFlows(id);
    return sum;
  };
  expect(counted(0, 1_000)).toBe(0);
  expect(counted(1_000, 2_000)).toBeGreaterThan(950);
  expect(counted(1_000, 2_000)).toBeLessThan(1_050);
});
