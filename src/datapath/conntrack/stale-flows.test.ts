import { describe, expect, test } from 'vitest';
import { cidr, ip } from '../../../test/generators/build.ts';
import { formatEndpoint, type IpAddress } from '../../net/address.ts';
import type { Family } from '../../net/family.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { prefixSet } from '../../net/prefix.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { clusterAddressKey, scopeKey } from '../../plan/entry-key.ts';
import { conntrackStatus, type TrackedFlow } from '../../wire/conntrack/entry.ts';
import type { FlowChanges } from './flow-changes.ts';
import { StaleFlowJudge } from './stale-flows.ts';

const endpoint = (address: string, port: number): Endpoint => ({
  address: ip(address),
  port: parsePort(port) as Port,
});

interface Place {
  readonly client: IpAddress;
  readonly frontend: IpAddress;
  readonly a: Endpoint;
  readonly b: Endpoint;
}

const places: Readonly<Record<Family, Place>> = {
  IPv4: {
    client: ip('10.244.1.9'),
    frontend: ip('10.96.0.10'),
    a: endpoint('10.244.1.1', 5353),
    b: endpoint('10.244.2.1', 5353),
  },
  IPv6: {
    client: ip('fd00:244::9'),
    frontend: ip('fd00:96::10'),
    a: endpoint('fd00:244::1', 5353),
    b: endpoint('fd00:244:2::1', 5353),
  },
};

type Protocol = keyof typeof protocolNumber;
const PROTOCOLS: readonly Protocol[] = ['UDP', 'TCP', 'SCTP'];

/** A flow from the client to port 53 of the destination, translated to the endpoint or not at all. */
function flowTo(
  destination: IpAddress,
  to: Endpoint | null,
  { client, protocol, isReplied, port = 53 }: Dialled & { client: IpAddress; port?: number },
): TrackedFlow {
  const target = to ?? { address: destination, port };
  return {
    family: destination.includes(':') ? 'IPv6' : 'IPv4',
    protocol: protocolNumber[protocol],
    original: { src: client, sport: 40_000, dst: destination, dport: port },
    reply: { src: target.address, sport: target.port, dst: client, dport: 40_000 },
    status:
      (to === null ? 0 : conntrackStatus.IPS_DST_NAT) | (isReplied ? conntrackStatus.IPS_SEEN_REPLY : 0),
  };
}

interface Dialled {
  readonly protocol: Protocol;
  readonly isReplied: boolean;
}

/** A plan with this entry where flows go. */
function planOf(found: () => PlanEntry | undefined) {
  const scope = (family: Family, pods: string) =>
    ({ kind: 'FamilyScope', pods: prefixSet(family, [cidr(pods)]) }) as unknown as PlanEntry;
  const scopes = new Map([
    [scopeKey('IPv4'), scope('IPv4', '10.244.0.0/16')],
    [scopeKey('IPv6'), scope('IPv6', 'fd00:244::/32')],
  ]);
  return { entry: (key: string) => scopes.get(key) ?? found(), entryAt: found };
}

const nothing: FlowChanges = { keys: null, gone: new Set(), compare: null };

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const { client, frontend, a, b } = places[family];
  const keyOf = (protocol: Protocol) => `${formatEndpoint(frontend, 53)}/${protocol}`;
  const service = (
    endpoints: Endpoint[],
    { localEndpoints = null as Endpoint[] | null, retained = [] as Endpoint[] } = {},
  ) => ({ kind: 'ServiceFrontend', endpoints, localEndpoints, retained });
  const binding = (to: Endpoint) => ({ kind: 'PodBinding', endpoint: to, tuple: { port: 53 } });

  /** What becomes of a replied UDP flow, and of one that never saw a reply, of any protocol. */
  test.each<[string, object | undefined, Endpoint | null, boolean, boolean]>([
    ['to an endpoint that is there', service([a, b]), b, false, false],
    ['to an endpoint that went', service([a]), b, true, true],
    ['to one that only outside sources may use', service([a], { localEndpoints: [b] }), b, false, true],
    ['to one that only pods may use', service([a, b], { localEndpoints: [b] }), a, false, false],
    ['to one that gets no new flows but still serves', service([a], { retained: [b] }), b, false, true],
    ['to an endpoint when none is left', service([]), a, true, true],
    ['untranslated, and now there is an endpoint', service([a]), null, true, true],
    ['untranslated, and still there is none', service([]), null, false, true],
    ['to the pod that has the binding', binding(a), a, false, false],
    ['to the pod that had the binding', binding(b), a, true, true],
    ['untranslated, and now there is a binding', binding(a), null, true, true],
    ['translated, to what left the plan', undefined, a, true, true],
    ['untranslated, to what left the plan', undefined, null, false, false],
  ])('%s', (_, entry, to, replied, unreplied) => {
    for (const protocol of PROTOCOLS) {
      const key = keyOf(protocol);
      const found = () => entry && ({ ...entry, key } as unknown as PlanEntry);
      const plan = planOf(found);
      for (const isReplied of [true, false]) {
        const flow = flowTo(frontend, to, { client, protocol, isReplied });
        const stale = isReplied ? replied && protocol === 'UDP' : unreplied;
        const gone = new Set(entry === undefined ? [key] : []);
        const judge = (changes: FlowChanges) => new StaleFlowJudge(plan, changes).isStale(flow);
        expect(judge({ ...nothing, gone }), `${protocol} ${isReplied}`).toBe(stale);
        expect(judge({ ...nothing, keys: new Set([key]), gone })).toBe(stale);
        // What did not change is not looked for, and what nobody knows of is somebody else's.
        expect(judge({ ...nothing, keys: new Set() })).toBe(false);
      }
    }
  });

  test('policy Local: sources that are no pods reach endpoints of this node alone', () => {
    const found = () => ({ ...service([a, b], { localEndpoints: [b] }), key: keyOf('TCP') }) as never;
    const outside = family === 'IPv4' ? ip('198.51.100.9') : ip('2001:db8:9::9');
    const isStale = (to: Endpoint, isReplied: boolean) => {
      const flow = flowTo(frontend, to, { client: outside, protocol: 'UDP', isReplied });
      return new StaleFlowJudge(planOf(found), nothing).isStale(flow);
    };
    expect([isStale(a, true), isStale(a, false), isStale(b, false)]).toEqual([false, true, false]);
  });

  test.each(['ICMP', 'DCCP'])('%s has no frontends', (name) => {
    const flow = flowTo(frontend, a, { client, protocol: 'UDP', isReplied: false });
    const protocol = name === 'ICMP' ? 1 : 33;
    const judge = new StaleFlowJudge({ entry: () => undefined, entryAt: () => undefined }, nothing);
    expect(judge.isStale({ ...flow, protocol })).toBe(false);
  });
});

describe('what an earlier agent translated and nothing tells', () => {
  const own = ip('192.0.2.10');
  const entries = new Map<string, unknown>([
    [
      scopeKey('IPv4'),
      {
        kind: 'FamilyScope',
        pods: prefixSet('IPv4', [cidr('10.244.0.0/16')]),
        serviceCIDRs: prefixSet('IPv4', [cidr('10.96.0.0/16')]),
      },
    ],
    [clusterAddressKey(ip('10.98.0.1')), { kind: 'ClusterAddress' }],
  ]);
  const plan = {
    entry: (key: string) => entries.get(key) as PlanEntry | undefined,
    entryAt: () => undefined,
  };
  const pod = endpoint('10.244.2.1', 5353);
  const container = endpoint('172.17.0.2', 5353);

  test.each<[string, string, number, Endpoint, boolean, boolean]>([
    ['an address of Services', '10.96.0.99', 53, pod, true, true],
    ['another port of a ClusterIP of the plan', '10.98.0.1', 54, pod, true, true],
    ['an address of somebody else', '203.0.113.9', 53, pod, false, false],
    ['a NodePort', own, 30_053, pod, false, true],
    ['a published port of a container', own, 30_053, container, false, false],
    ['a hostPort', own, 5353, pod, false, false],
  ])('%s', (_, destination, port, to, isStale, isStaleWhenLost) => {
    const client = ip('198.51.100.9');
    const translated = flowTo(ip(destination), to, { client, protocol: 'UDP', isReplied: true, port });
    const plain = flowTo(ip(destination), null, { client, protocol: 'UDP', isReplied: true, port });
    const judge = (isLost: boolean) =>
      new StaleFlowJudge(plan, { ...nothing, compare: { localAddresses: new Set([own]), isLost } });
    expect(judge(false).isStale(translated)).toBe(isStale);
    expect(judge(true).isStale(translated)).toBe(isStaleWhenLost);
    expect(judge(true).isStale(plain)).toBe(false);
    expect(new StaleFlowJudge(plan, nothing).isStale(translated)).toBe(false);
  });
});
