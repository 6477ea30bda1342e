import { describe, expect, test } from 'vitest';
import {
  hostListener,
  ip,
  localAddress,
  natEntry,
  nodeFacts,
  pod,
  portOf,
  service,
  servicePort,
} from '../../test/generators/build.ts';
import type { NodeFacts } from '../model/node.ts';
import type { PodNatEntry } from '../model/pod.ts';
import { countPorts } from '../net/port.ts';
import type { Protocol } from '../net/protocol.ts';
import type { SourcePorts } from './entry.ts';
import { defaultPlanOptions, type PlanOptions } from './options.ts';
import { Planner } from './planner.ts';

interface Given {
  readonly node?: Partial<NodeFacts>;
  readonly options?: Partial<PlanOptions['egress']>;
  readonly entries?: readonly Partial<PodNatEntry>[];
  readonly nodePort?: number;
}

const local = ['203.0.113.7', '203.0.113.8', '2001:db8::10'].map((address) => localAddress(address));

function plannerOf({ node = {}, options = {}, entries = [], nodePort }: Given) {
  const facts = nodeFacts({
    nodeIPs: [ip('203.0.113.7'), ip('2001:db8::10')],
    localAddresses: local,
    ...node,
  });
  const egress = { ...defaultPlanOptions.egress, ...options };
  // Which ports may be bound at all is another matter.
  const podNatPolicy = { ...defaultPlanOptions.podNatPolicy, reserved: [] };
  const planner = new Planner(facts, { ...defaultPlanOptions, egress, podNatPolicy });
  const bound = pod(entries.map(natEntry), { ips: [ip('10.244.1.5')] });
  planner.apply([{ kind: 'Pod', key: 'mail/smtp', fact: bound }]);
  if (nodePort !== undefined) {
    const fact = service({ ports: [servicePort(80, { nodePort: portOf(nodePort) })] });
    planner.apply([{ kind: 'Service', key: 'shop/web', fact }]);
  }
  return planner;
}

function portsOf(planner: Planner, family = 'IPv4'): SourcePorts {
  const entry = planner.update().entry(`source-ports ${family}`);
  if (entry?.kind !== 'SourcePorts') throw new TypeError('no source ports');
  return entry;
}

function texts(planner: Planner, protocol: Protocol = 'TCP', family = 'IPv4'): string {
  return portsOf(planner, family)
    .any[protocol].map(({ first, last }) => `${first}-${last}`)
    .join();
}

const ALWAYS = '1024-4788,4790-29999,32768-65535';
const manual = (address: string) => ({ interfaceAuto: false, sourceIP: ip(address) });

describe('ports without an owner', () => {
  test.each<[name: string, given: Given, tcp: string, udp: string]>([
    ['all but those of NodePorts and VXLAN', {}, ALWAYS, ALWAYS],
    [
      'not what the host reserves',
      { node: { reservedPorts: [{ first: 1024, last: 2000 }] } },
      '2001-4788,4790-29999,32768-65535',
      '2001-4788,4790-29999,32768-65535',
    ],
    [
      'not where a program listens, whatever address it is bound to',
      {
        node: {
          listeners: [
            hostListener(5000),
            hostListener(6000, { address: ip('203.0.113.8'), families: ['IPv4'] }),
          ],
        },
      },
      '1024-4788,4790-4999,5001-5999,6001-29999,32768-65535',
      ALWAYS,
    ],
    [
      'but where one listens that only the host itself can reach',
      { node: { listeners: [hostListener(5000, { address: ip('127.0.0.1'), families: ['IPv4'] })] } },
      ALWAYS,
      ALWAYS,
    ],
    [
      'not what is bound to a pod, a range as one',
      { entries: [{ sourcePort: portOf(40_000), portCount: 100, protocol: 'UDP' }] },
      ALWAYS,
      '1024-4788,4790-29999,32768-39999,40100-65535',
    ],
    [
      'not a node port outside of their range',
      { nodePort: 9000 },
      '1024-4788,4790-8999,9001-29999,32768-65535',
      ALWAYS,
    ],
  ])('%s', (_, given, tcp, udp) => {
    const planner = plannerOf(given);
    expect({ tcp: texts(planner), udp: texts(planner, 'UDP') }).toEqual({ tcp, udp });
  });

  test('each family has its own', () => {
    const listeners = [hostListener(5000, { families: ['IPv6'] })];
    const planner = plannerOf({ node: { listeners } });
    expect(texts(planner)).toBe(ALWAYS);
    expect(texts(planner, 'TCP', 'IPv6')).toBe('1024-4788,4790-4999,5001-29999,32768-65535');
  });

  test('natPortRange without them; null without it', () => {
    expect(portsOf(plannerOf({})).egress).toBeNull();
    const natPortRange = [{ first: 2000, last: 2009 }];
    const { egress } = portsOf(
      plannerOf({ options: { natPortRange }, node: { listeners: [hostListener(2003)] } }),
    );
    expect(egress?.TCP).toEqual([
      { first: 2000, last: 2002 },
      { first: 2004, last: 2009 },
    ]);
    expect(egress?.UDP).toEqual(natPortRange);
  });

  test('follow what comes and goes', () => {
    const planner = plannerOf({ entries: [{ sourcePort: portOf(25_000) }] });
    const before = texts(planner);
    expect(before).toBe('1024-4788,4790-24999,25001-29999,32768-65535');
    const { revision } = planner.plan;
    planner.setNode(structuredClone(planner.node));
    planner.update();
    expect(planner.plan.revision).toBe(revision);
    planner.apply([{ kind: 'Pod', key: 'mail/smtp', fact: null }]);
    expect(texts(planner)).toBe(ALWAYS);
    expect(planner.plan.changedSince(revision)).toContain('source-ports IPv4');
  });
});

describe('when pods bind nearly all', () => {
  const rest = [
    { sourcePort: portOf(1024), destinationPort: portOf(1024), portCount: 1300 },
    { sourcePort: portOf(2381), destinationPort: portOf(2381), portCount: 7869 },
    { sourcePort: portOf(10_251), destinationPort: portOf(10_251), portCount: 19_749 },
    { sourcePort: portOf(32_768), destinationPort: portOf(32_768), portCount: 32_768 },
  ];
  const free = (planner: Planner, ports: readonly number[]) => {
    const spans = portsOf(planner).any.TCP;
    return ports.filter((port) => spans.some(({ first, last }) => first <= port && port <= last));
  };
  /** Another pod, on another address, of another namespace. */
  const bind = (
    planner: Planner,
    namespace: string,
    entries: readonly Partial<PodNatEntry>[],
    podIP = '10.244.1.6',
  ) => {
    const bound = entries.map((entry) => natEntry({ ...entry, ...manual('203.0.113.8') }));
    const fact = pod(bound, { namespace, name: 'other', uid: namespace, ips: [ip(podIP)] });
    planner.apply([{ kind: 'Pod', key: `${namespace}/other`, fact }]);
  };

  test('as few claims as needed are ignored, which is reported on the node', () => {
    const planner = plannerOf({ entries: rest.map((entry) => ({ ...entry, ...manual('203.0.113.8') })) });
    expect(free(planner, [2000, 3000, 20_000, 40_000])).toEqual([40_000]);
    expect([...planner.plan.notices()].map(({ code, object }) => `${code} ${object.kind}`)).toContain(
      'NatInvalid Node',
    );
    expect(texts(planner, 'UDP')).toBe(ALWAYS);
  });

  test('a program of the host has its port still', () => {
    const planner = plannerOf({ entries: rest, node: { listeners: [hostListener(60_000)] } });
    expect(countPorts(portsOf(planner).any.TCP)).toBeGreaterThan(1024);
    expect(free(planner, [60_000])).toEqual([]);
  });

  test('the namespace that has the most loses first, in one range or in many', () => {
    const planner = plannerOf({ entries: rest });
    bind(planner, 'voice', [{ sourcePort: portOf(40_000), portCount: 5000 }]);
    expect(free(planner, [42_000])).toEqual([]);
    const singles = Array.from({ length: 1000 }, (_, i) => portOf(50_001 + 2 * i));
    bind(
      planner,
      'web',
      singles.map((sourcePort) => ({ sourcePort })),
    );
    expect(free(planner, singles)).toEqual([]);
  });

  test('of ports that are torn into many pieces there are enough too', () => {
    const ports = (first: number) => Array.from({ length: 1000 }, (_, i) => portOf(first + 2 * i));
    const planner = plannerOf({});
    for (const [index, first] of [1025, 3025, 5025, 7025, 33_001, 35_001, 37_001, 39_001].entries()) {
      const entries = ports(first).map((sourcePort) => ({ sourcePort }));
      bind(planner, `n${index}`, entries, `10.244.2.${index + 1}`);
    }
    planner.apply([{ kind: 'Pod', key: 'mail/smtp', fact: null }]);
    const listeners = ports(41_001).map((port) => hostListener(port));
    for (let port = 43_000; port < 65_536; port += 2) listeners.push(hostListener(port));
    for (let port = 9025; port < 30_000; port += 2) listeners.push(hostListener(port));
    planner.setNode({ ...planner.node, listeners });
    expect(countPorts(portsOf(planner).any.TCP)).toBeGreaterThanOrEqual(1024);
    expect(
      free(
        planner,
        listeners.map(({ port }) => port),
      ),
    ).toEqual([]);
  });
});

describe('natPortRange of which nothing would be left', () => {
  const natPortRange = [{ first: 30_000, last: 30_099 }];

  test('node ports that a Service has are not used', () => {
    const planner = plannerOf({ options: { natPortRange }, nodePort: 30_053 });
    expect(portsOf(planner).egress?.TCP).toEqual([
      { first: 30_000, last: 30_052 },
      { first: 30_054, last: 30_099 },
    ]);
    planner.apply([{ kind: 'Service', key: 'shop/web', fact: null }]);
    expect(portsOf(planner).egress?.TCP).toEqual(natPortRange);
  });

  test('that programs of the host have: none of theirs', () => {
    const options = { natPortRange: [{ first: 5000, last: 5001 }] };
    const planner = plannerOf({ options, node: { listeners: [hostListener(5000), hostListener(5001)] } });
    const { any, egress } = portsOf(planner);
    expect(egress).toEqual({ ...any, UDP: options.natPortRange, SCTP: options.natPortRange });
  });
});
