import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  egressRuleFact,
  ip,
  natEntry,
  nodeFacts,
  pod,
  pool,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import { busyNode } from '../../test/generators/busy-node.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { judge } from './expectation.ts';
import { packetOfQuestion } from './question.ts';
import { recordedExpectations } from './record.ts';
import { walk } from './walk.ts';

function planned(
  ...[node, changes]: [ConstructorParameters<typeof Planner>[0], Parameters<Planner['apply']>[0]]
) {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply(changes);
  planner.update();
  return planner;
}

test('a Service, a binding and a pool: a packet for each way to them', () => {
  const planner = planned(nodeFacts(), [
    present('Service', service()),
    present('EndpointSlice', slice(['10.244.1.1'])),
    present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
    present('Pod', pod([natEntry({ sourceIP: ip('203.0.113.7'), interfaceAuto: false })])),
    present('Pod', pod([], { name: 'other', ips: [ip('10.244.1.7')], nat: null })),
    present(
      'EgressRule',
      egressRuleFact({
        name: 'keep',
        to: [],
        action: 'Keep',
        podSelector: { matchLabels: { a: 'b' }, matchExpressions: [] },
      }),
    ),
  ]);
  expect(recordedExpectations(planner.plan, planner.heldNode, planner)).toEqual([
    {
      name: 'Service shop/web: ClusterIP 10.96.0.10:80/TCP, from a pod',
      node: 'node-a',
      from: 'pod/mail/other',
      to: '10.96.0.10:80',
      proto: 'tcp',
      verdict: 'dnat',
      as: 'same',
    },
    {
      name: 'Pod mail/smtp: binding 203.0.113.7:25/TCP, from the outside',
      node: 'node-a',
      from: '198.51.100.9',
      to: '203.0.113.7:25',
      proto: 'tcp',
      verdict: 'dnat',
      as: 'same',
      reaches: ['10.244.1.5:25'],
    },
    {
      name: 'Pod mail/smtp: to the outside, IPv4',
      node: 'node-a',
      from: 'pod/mail/smtp',
      to: '198.51.100.9:443',
      verdict: 'snat',
      as: '203.0.113.7',
    },
    {
      name: 'Pod mail/other: to the outside, IPv4',
      node: 'node-a',
      from: 'pod/mail/other',
      to: '198.51.100.9:443',
      verdict: 'snat',
      as: 'node',
    },
  ]);
});

test('whatever is recorded is met', () => {
  fc.assert(
    fc.property(busyNode, ({ node, changes }) => {
      const planner = planned(node, changes);
      for (const expectation of recordedExpectations(planner.plan, planner.heldNode, planner)) {
        const packet = packetOfQuestion(expectation, planner);
        if (typeof packet === 'string') throw new Error(packet);
        const result = judge(expectation, walk(planner.plan, planner.heldNode, packet), planner);
        expect(result, expectation.name).toMatchObject({ mismatches: [] });
      }
    }),
    { numRuns: 100 },
  );
});
