import { expect, test } from 'vitest';
import { type IpAddress, parseAddress } from '../../net/address.ts';
import { type Port, parsePort } from '../../net/port.ts';
import { protocolNumber } from '../../net/protocol.ts';
import type { Endpoint, PlanEntry } from '../../plan/entry.ts';
import { conntrackStatus } from '../../wire/conntrack/entry.ts';
import { type Flow, isStale } from './stale-flows.ts';

const ip = (text: string) => parseAddress(text) as IpAddress;
const endpoint = (address: string, port: number): Endpoint => ({
  address: ip(address),
  port: parsePort(port) as Port,
});
const client = { src: ip('10.244.1.9'), sport: 40000 };

/** A flow from the client to 10.96.0.10:53, translated to the endpoint or not at all. */
function flow(to: Endpoint | null, protocol: keyof typeof protocolNumber = 'UDP'): Flow {
  const target = to ?? endpoint('10.96.0.10', 53);
  return {
    protocol: protocolNumber[protocol],
    original: { ...client, dst: ip('10.96.0.10'), dport: 53 },
    reply: { src: target.address, sport: target.port, dst: client.src, dport: client.sport },
    status: to === null ? 0 : conntrackStatus.IPS_DST_NAT,
  };
}

const a = endpoint('10.244.1.1', 5353);
const b = endpoint('10.244.2.1', 5353);
const frontend = (
  endpoints: Endpoint[],
  localEndpoints: Endpoint[] | null = null,
  retained: Endpoint[] = [],
) =>
  ({
    kind: 'ServiceFrontend',
    key: '10.96.0.10:53/UDP',
    endpoints,
    localEndpoints,
    retained,
  }) as unknown as PlanEntry;
const binding = (to: Endpoint) =>
  ({
    kind: 'PodBinding',
    key: '10.96.0.10:53/UDP',
    tuple: { port: 53 },
    endpoint: to,
  }) as unknown as PlanEntry;

test.each<[string, PlanEntry | undefined, Flow, boolean, boolean]>([
  ['to an endpoint that is there', frontend([a, b]), flow(b), false, false],
  ['to an endpoint that went', frontend([a]), flow(b), false, true],
  ['to an endpoint that only outside sources may use', frontend([a], [b]), flow(b), false, false],
  ['to an endpoint that gets no new flows but still serves', frontend([a], null, [b]), flow(b), false, false],
  ['to an endpoint when none is left', frontend([]), flow(a), false, true],
  ['untranslated, and now there is an endpoint', frontend([a]), flow(null), false, true],
  ['untranslated, and still there is none', frontend([]), flow(null), false, false],
  ['to the pod that has the binding', binding(a), flow(a), false, false],
  ['to the pod that had the binding', binding(b), flow(a), false, true],
  ['to a frontend that left the plan', undefined, flow(a), true, true],
  ['untranslated, to what left the plan', undefined, flow(null), true, false],
  ['translated by somebody else', undefined, flow(a), false, false],
  ['TCP to an endpoint that went', frontend([a]), flow(b, 'TCP'), false, false],
  ['SCTP to an endpoint that went', frontend([a]), flow(b, 'SCTP'), false, false],
])('%s', (_, entry, one, gone, stale) => {
  const keys = new Set(gone ? ['10.96.0.10:53/UDP'] : []);
  expect(isStale({ entryAt: () => entry }, one, keys)).toBe(stale);
});
