import { describe, expect, test } from 'vitest';
import {
  cidr,
  endpoint,
  ip,
  nodeFacts,
  portOf,
  service,
  servicePort,
  slice,
} from '../../test/generators/build.ts';
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { ServiceFact } from '../model/service.ts';
import { MOST_ENDPOINTS } from './endpoints.ts';
import { serviceFragment } from './service.ts';
import { withEndpoints } from './service-endpoints.ts';

const node = nodeFacts();
const here = endpoint('10.244.1.5', { nodeName: 'node-a' });
const there = endpoint('10.244.2.6', { nodeName: 'node-b' });
const leaving = endpoint('10.244.2.7', { nodeName: 'node-b', ready: false, terminating: true });
const ports = [{ name: '', protocol: 'UDP', port: portOf(53) } as const];
const six = slice(['fd00:244::5'], { name: 'web-2' });

const everywhere: Partial<ServiceFact> = {
  clusterIPs: ['10.96.0.10', 'fd00:96::a'].map(ip),
  externalIPs: [ip('192.0.2.50')],
  ports: [servicePort(80, { nodePort: portOf(30080) }), servicePort(81, { name: 'admin' })],
};

const slicesOfAll: readonly (readonly EndpointSliceFact[])[] = [
  [],
  [slice([here, there])],
  [slice([there]), six],
  [slice([here, leaving]), six],
  [slice([leaving], { ports })],
  [slice([here, there, leaving], { ports })],
];

describe.each<[string, Partial<ServiceFact>]>([
  ['one address', {}],
  ['all addresses of both families', everywhere],
  ['policies Local', { ...everywhere, internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }],
  ['UDP, whose flows stay with endpoints that end', { ports: [servicePort(53, { protocol: 'UDP' })] }],
])('after a change of slices a Service with %s is as if planned anew', (_, given) => {
  const fact = service(given);
  test.each(slicesOfAll.flatMap((before) => slicesOfAll.map((after) => [before, after] as const)))(
    'case %#',
    (before, after) => {
      const { entries } = serviceFragment(fact, before, node);
      expect(withEndpoints(entries, fact, after, node)).toEqual(serviceFragment(fact, after, node).entries);
    },
  );
});

test.each<[string, Partial<ServiceFact>, readonly EndpointSliceFact[]]>([
  [
    'only some sources may use an address',
    { loadBalancerIPs: [ip('192.0.2.60')], loadBalancerSourceRanges: [cidr('198.51.100.0/24')] },
    [slice([here])],
  ],
  [
    'the agent answers a load balancer',
    { ...everywhere, externalTrafficPolicy: 'Local', healthCheckNodePort: portOf(31_000) },
    [slice([here])],
  ],
  [
    'more endpoints than are used',
    {},
    [
      slice(
        Array.from(
          { length: MOST_ENDPOINTS + 1 },
          (_, i) => `10.${64 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
        ),
      ),
    ],
  ],
])('it is planned anew where %s', (_, given, slices) => {
  const fact = service(given);
  const { entries } = serviceFragment(fact, [slice([there])], node);
  expect(withEndpoints(entries, fact, slices, node)).toBeNull();
});
