import { describe, expect, test } from 'vitest';
import {
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../../../test/generators/build.ts';
import { prefixOf } from '../../net/prefix.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { GoneEndpoints } from '../../plan/gone-endpoints.ts';
import { defaultPlanOptions } from '../../plan/options.ts';
import { Planner } from '../../plan/planner.ts';
import { conntrackStatus, type TrackedFlow } from '../../wire/conntrack/entry.ts';
import { type FormerEnds, GoneFlowJudge } from './gone-flows.ts';

const NODE = '203.0.113.7';
const [LISTED, GONE, STRANGER] = ['10.244.1.1', '10.244.1.2', '192.0.2.99'] as const;
const KEYS = ['10.96.0.10:80/TCP', `${NODE}:30080/TCP`];
const ANSWERED = conntrackStatus.IPS_DST_NAT | conntrackStatus.IPS_SEEN_REPLY;

const node = nodeFacts({
  nodeIPs: [ip(NODE)],
  localAddresses: [localAddress(NODE)],
  podCIDRs: [prefixOf('10.244.0.0/16')],
});
const planner = new Planner(node, defaultPlanOptions);
planner.apply([
  present('Service', service({ ports: [servicePort(80, { nodePort: portOf(30080) })] })),
  present('EndpointSlice', slice([LISTED])),
  present('Pod', pod([natEntry()])),
]);
planner.update();

function flow(destination: string, endpoint: string, rest: Partial<TrackedFlow> = {}): TrackedFlow {
  const [address = '', port = ''] = destination.split(':');
  return {
    family: 'IPv4',
    protocol: protocolNumber.TCP,
    original: { src: ip('10.244.9.9'), sport: 40_000, dst: ip(address), dport: Number(port) },
    reply: { src: ip(endpoint), sport: 8080, dst: ip('10.244.9.9'), dport: 40_000 },
    status: ANSWERED,
    ...rest,
  };
}

function isGone(gone: GoneEndpoints, one: TrackedFlow, former: FormerEnds | null = null): boolean {
  return new GoneFlowJudge({ plan: planner.plan, slices: planner, gone, former }).isGone(one);
}

describe('while the agent runs', () => {
  const gone: GoneEndpoints = new Map([
    [ip(GONE), KEYS],
    [ip(LISTED), KEYS],
  ]);

  test('a connection to an endpoint that is gone for what was dialled', () => {
    expect(isGone(gone, flow('10.96.0.10:80', GONE))).toBe(true);
    expect(isGone(gone, flow(`${NODE}:30080`, GONE))).toBe(true);
    expect(isGone(gone, flow('10.96.0.11:80', GONE))).toBe(false);
    expect(isGone(gone, flow('10.96.0.10:81', GONE))).toBe(false);
  });

  test('not to one that is listed again, nor straight to the address', () => {
    expect(isGone(gone, flow('10.96.0.10:80', LISTED))).toBe(false);
    expect(isGone(gone, flow(`${GONE}:8080`, GONE, { status: conntrackStatus.IPS_SEEN_REPLY }))).toBe(false);
  });

  test('not of UDP, and none without a reply', () => {
    expect(isGone(gone, flow('10.96.0.10:80', GONE, { protocol: protocolNumber.UDP }))).toBe(false);
    expect(isGone(gone, flow('10.96.0.10:80', GONE, { status: conntrackStatus.IPS_DST_NAT }))).toBe(false);
  });

  test('a binding that leads to another pod now, and one that leads there still', () => {
    const keys = ['192.0.2.1:25/TCP'];
    const [binding] = [...planner.plan.entries()].filter(({ kind }) => kind === 'PodBinding');
    const key = binding?.key ?? keys[0] ?? '';
    const dialled = key.replace('/TCP', '');
    const there: GoneEndpoints = new Map([
      [ip(GONE), [key]],
      [ip('10.244.1.5'), [key]],
    ]);
    const to = (address: string) => {
      const one = flow(dialled, address);
      return { ...one, reply: { ...one.reply, sport: 25 } };
    };
    expect(binding).toBeDefined();
    expect(isGone(there, to(GONE))).toBe(true);
    expect(isGone(there, to('10.244.1.5'))).toBe(false);
  });
});

describe('after a start, for what changed before', () => {
  const former: FormerEnds = {
    keys: new Set(['10.96.0.77:80/TCP']),
    localAddresses: new Set([ip(NODE)]),
    knownAddresses: () => new Set([ip(LISTED)]),
  };
  const judge = (one: TrackedFlow) => isGone(new Map(), one, former);

  test('an endpoint that no slice of the frontend lists', () => {
    expect(judge(flow('10.96.0.10:80', GONE))).toBe(true);
    expect(judge(flow('10.96.0.10:80', LISTED))).toBe(false);
  });

  test('not while the Service has no slice of the family: whoever writes them has not come to it', () => {
    const slices = { slicesOf: () => [slice(['fd00:244:1::1'], { name: 'web-6' })] };
    const one = flow('10.96.0.10:80', GONE);
    expect(new GoneFlowJudge({ plan: planner.plan, slices, gone: new Map(), former }).isGone(one)).toBe(
      false,
    );
  });

  test('on an address of the node only if it is a pod', () => {
    expect(judge(flow(`${NODE}:30080`, GONE))).toBe(true);
    expect(judge(flow(`${NODE}:30080`, STRANGER))).toBe(false);
  });

  test('a frontend that is gone, with an address that nothing has', () => {
    expect(judge(flow('10.96.0.77:80', GONE))).toBe(true);
    expect(judge(flow('10.96.0.77:80', LISTED))).toBe(false);
    expect(judge(flow('10.96.0.78:80', GONE))).toBe(false);
  });
});
