import { expect, test } from 'vitest';
import {
  ip,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { answerFlow } from './answer.ts';

function answer(changes: readonly FactChange[], source: string, destination: string, port = 80): FlowAnswer {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(changes);
  const packet = {
    source: ip(source),
    protocol: 'TCP',
    destination: ip(destination),
    port: portOf(port),
  } as const;
  return answerFlow(planner.update(), nodeFacts(), packet);
}

const web = present('Service', service());
const pools = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));

test('lists the endpoints sorted as text', () => {
  const changes = [web, present('EndpointSlice', slice(['10.244.9.1', '10.244.10.1']))];
  expect(answer(changes, '198.51.100.9', '10.96.0.10')).toEqual({
    verdict: 'dnat',
    endpoints: ['10.244.10.1:8080', '10.244.9.1:8080'],
    masq: true,
    snat: 'node',
    because:
      'Service shop/web: ClusterIP 10.96.0.10:80/TCP: one of 2 endpoints, at random; to a ClusterIP from a source ' +
      'that is no pod, or masqueradeAll: the source becomes an address of this node',
  });
});

test('brackets IPv6 endpoints', () => {
  const changes = [
    present('Service', service({ clusterIPs: [ip('fd00:96::a')] })),
    present('EndpointSlice', slice(['fd00:244::5'])),
  ];
  expect(answer(changes, 'fd00:244::9', 'fd00:96::a').endpoints).toEqual(['[fd00:244::5]:8080']);
});

test('hairpin: masq when one of the endpoints is masqueraded', () => {
  const one = [web, present('EndpointSlice', slice(['10.244.1.5']))];
  expect(answer(one, '10.244.1.5', '10.96.0.10')).toMatchObject({ masq: true, snat: 'node' });
  const two = [web, present('EndpointSlice', slice(['10.244.1.5', '10.244.1.6']))];
  const mixed = answer(two, '10.244.1.5', '10.96.0.10');
  expect(mixed).toMatchObject({ masq: true, snat: null });
  expect(mixed.because).toContain('to 10.244.1.5: hairpin');
  expect(mixed.because).toContain('to 10.244.1.6: to a ClusterIP from a pod');
});

test('endpoints that differ in the address have no common snat', () => {
  const bound = present('Pod', pod([natEntry()]));
  const changes = [web, pools, bound, present('EndpointSlice', slice(['192.168.3.3', '11.1.1.1']))];
  expect(answer(changes, '10.244.1.5', '10.96.0.10')).toMatchObject({ masq: true, snat: null });
});

test('names the pool of each exempt destination', () => {
  const here = present('IPPool', pool('here', '192.168.3.0/24'));
  const there = present('IPPool', pool('there', '192.168.4.0/24'));
  const changes = [web, pools, here, there, present('EndpointSlice', slice(['192.168.3.3', '192.168.4.4']))];
  const { masq, because } = answer(changes, '10.244.1.5', '10.96.0.10');
  expect(masq).toBe(false);
  expect(because).toMatch(
    /to 192\.168\.3\.3: .*is in IPPool here; .*to 192\.168\.4\.4: .*is in IPPool there$/,
  );
});

test('answers without DNAT have no endpoints', () => {
  expect(answer([pools], '10.244.1.5', '8.8.8.8')).toMatchObject({
    verdict: 'snat',
    endpoints: [],
    masq: true,
    snat: 'node',
    because: expect.stringMatching(/^IPPool pods: natOutgoing/),
  });
  const bound = [pools, present('Pod', pod([natEntry()]))];
  expect(answer(bound, '10.244.1.5', '8.8.8.8')).toMatchObject({ verdict: 'snat', snat: '203.0.113.7' });
  expect(answer([web], '10.244.1.5', '10.96.0.10')).toEqual({
    verdict: 'reject',
    endpoints: [],
    masq: false,
    snat: null,
    because: 'Service shop/web: ClusterIP 10.96.0.10:80/TCP: no endpoint is ready: refused',
  });
  expect(answer([], '8.8.8.8', '9.9.9.9')).toEqual({
    verdict: 'none',
    endpoints: [],
    masq: false,
    snat: null,
    because: 'no Service and no Pod NAT binding for this destination: it stays',
  });
});
