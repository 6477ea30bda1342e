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

describe('ports that nobody owns', () => {
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

  test('to another address: single ports count, these ranges do not, and the node is told', () => {
    const planner = plannerOf({ entries: rest.map((entry) => ({ ...entry, ...manual('203.0.113.8') })) });
    expect(texts(planner)).toBe(ALWAYS);
    expect([...planner.plan.notices()].map(({ reason, object }) => `${reason} ${object.kind}`)).toContain(
      'NatInvalid Node',
    );
    expect(texts(planner, 'UDP')).toBe(ALWAYS);
  });

  test('to the first address: something is left', () => {
    const planner = plannerOf({ entries: rest, node: { listeners: [hostListener(60_000)] } });
    expect(countPorts(portsOf(planner).any.TCP)).toBeGreaterThan(1024);
    expect(portsOf(planner).any.TCP.every(({ first, last }) => first > 60_000 || last < 60_000)).toBe(true);
  });
});
