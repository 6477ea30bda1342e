/**
 * From which port translated connections leave, with real packets: that of a pod's own binding, else one without an owner.
 * docs/pod-nat.md, "Source ports"; docs/adr/0009-source-ports.md.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NodeFacts } from '../../src/model/node.ts';
import type { PodNatEntry } from '../../src/model/pod.ts';
import { FAMILIES, type Family } from '../../src/net/family.ts';
import { PROTOCOLS, type Protocol } from '../../src/net/protocol.ts';
import {
  hostListener,
  ip,
  natEntry,
  pod,
  pool,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { allSettled, type Stage } from '../netns/stage.ts';
import { ANSWER, address, buildStage, PodNatNode, port, setUpStage, smtp, there } from './pod-nat-scene.ts';

const casts = {
  IPv4: { node: address.public, podA: address.podA, podB: address.podB, outside: address.outside },
  IPv6: { node: address.public6, podA: address.podA6, podB: address.podB6, outside: address.outside6 },
} as const;

let stage: Stage;
let node: PodNatNode;

beforeAll(async () => {
  stage = await buildStage({ protocols: PROTOCOLS });
});
afterAll(() => stage.dispose());
beforeEach(() => begin());
afterEach(() => node.end());

function begin(facts: Partial<NodeFacts> = {}): void {
  node = new PodNatNode(stage, facts);
}

const entry = (protocol: Protocol, source: number, destination: number, portCount = 1): PodNatEntry =>
  natEntry({ protocol, sourcePort: port(source), destinationPort: port(destination), portCount });

const podA = (...entries: PodNatEntry[]) => there(smtp({ ips: [address.podA, address.podA6] }, entries));
const podB = (...entries: PodNatEntry[]) =>
  present('Pod', pod(entries, { name: 'b', uid: 'b', createdAt: 2000, ips: [address.podB, address.podB6] }));

/** The address and port that the outside sees of what is sent from this port. */
async function seen(family: Family, protocol: Protocol, from: 'podA' | 'podB', sourcePort: number) {
  const { [from]: source, outside } = casts[family];
  const outcome = await stage.dial({ source, sourcePort, address: outside, port: 25, protocol }, ANSWER);
  if (outcome.outcome !== 'answered') return outcome.outcome;
  const [, seenAs = '', number = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(outcome.sawSource) ?? [];
  return { ip: seenAs, port: Number(number) };
}

async function everyCase<T>(
  ask: (family: Family, protocol: Protocol) => Promise<T>,
): Promise<Record<string, T>> {
  const cases = FAMILIES.flatMap((family) => PROTOCOLS.map((protocol) => [family, protocol] as const));
  const answers = await allSettled(
    cases.map(async ([family, protocol]) => [`${family} ${protocol}`, await ask(family, protocol)] as const),
  );
  return Object.fromEntries(answers);
}

test('ranges by offset, up and down, aligned or not', async () => {
  const ranges = [
    [10_000, 20_000, 100],
    [20_000, 10_000, 100],
    [12_001, 13_007, 50],
    [40_003, 40_003, 500],
  ] as const;
  for (const [source, destination, count] of ranges) {
    await node.apply(podA(...PROTOCOLS.map((protocol) => entry(protocol, source, destination, count))));
    for (const offset of [0, 1, count >> 1, count - 1]) {
      const answers = await everyCase((family, protocol) =>
        seen(family, protocol, 'podA', destination + offset),
      );
      expect(answers).toEqual(
        await everyCase(async (family) => ({ ip: casts[family].node as string, port: source + offset })),
      );
    }
  }
});

/** All ports but a few are reserved; of the few four are owned. */
const FEW = { first: 50_000, last: 50_011 };
const FREE = [50_000, 50_002, 50_004, 50_006, 50_008, 50_009, 50_010, 50_011];
const scarce: Partial<NodeFacts> = {
  reservedPorts: [
    { first: 1, last: FEW.first - 1 },
    { first: FEW.last + 1, last: 65535 },
  ],
  listeners: [
    ...PROTOCOLS.map((protocol) => hostListener(50_001, { protocol, families: ['IPv4', 'IPv6'] })),
    ...PROTOCOLS.map((protocol) =>
      hostListener(50_003, { protocol, address: address.public, families: ['IPv4'] }),
    ),
    ...PROTOCOLS.map((protocol) =>
      hostListener(50_003, { protocol, address: address.public6, families: ['IPv6'] }),
    ),
  ],
};
const TRIES = 12;

describe('any other port becomes one without an owner', () => {
  async function portsSeen(from: 'podA' | 'podB'): Promise<Set<number>> {
    const ports = new Set<number>();
    for (let i = 0; i < TRIES; i++) {
      forgetConnections(); // there are few ports, and one server
      // From ports of others too, from low ones as well.
      const source = [50_001, 50_003, 50_005, 50_007, 53, 700][i % 6] ?? 0;
      const answers = await everyCase((family, protocol) =>
        seen(family, protocol, from, source + (i >= 6 ? 1000 : 0)),
      );
      for (const [name, answer] of Object.entries(answers)) {
        if (typeof answer === 'string') throw new Error(`${name} from ${source}: ${answer}`);
        ports.add(answer.port);
      }
    }
    return ports;
  }

  const others = () => [
    podA(
      ...PROTOCOLS.map((protocol) => entry(protocol, 50_005, 25)),
      ...PROTOCOLS.map((protocol) => entry(protocol, 9000, 9000)),
    ),
    present(
      'Service',
      service({
        clusterIPs: ['10.96.0.10', 'fd00:96::10'].map(ip),
        ports: PROTOCOLS.map((protocol) =>
          servicePort(80, { protocol, name: protocol.toLowerCase(), nodePort: port(50_007) }),
        ),
      }),
    ),
    present('EndpointSlice', slice([address.podA])),
  ];

  test('of a pod that is bound', async () => {
    begin({ ...scarce, nodeIPs: [address.public, address.public6] });
    await node.apply(...others(), podB(...PROTOCOLS.map((protocol) => entry(protocol, 7000, 7000))));
    const ports = await portsSeen('podB');
    expect([...ports].filter((one) => !FREE.includes(one))).toEqual([]);
    expect(ports.size).toBeGreaterThan(3);
  });

  test('of a pod whose pool is masqueraded', async () => {
    begin({ ...scarce, nodeIPs: [address.public, address.public6] });
    const pools = ['10.244.0.0/16', 'fd00:244::/56'].map((cidr, index) =>
      present('IPPool', pool(`pool-${index}`, cidr, { natOutgoing: true })),
    );
    await node.apply(...others(), ...pools);
    const ports = await portsSeen('podB');
    expect([...ports].filter((one) => !FREE.includes(one))).toEqual([]);
    expect(ports.size).toBeGreaterThan(3);
  });
});

test('a range takes no port of others when the same peer is dialled again and again', async () => {
  await setUpStage(stage, undefined, { protocols: PROTOCOLS });
  await node.apply(podA(...PROTOCOLS.map((protocol) => entry(protocol, 12_001, 13_007, 50))));
  for (let i = 0; i < 3; i++) {
    const answers = await everyCase((family, protocol) => seen(family, protocol, 'podA', 13_056));
    for (const answer of Object.values(answers)) {
      if (typeof answer !== 'string') expect(answer.port).toBe(12_050);
    }
  }
});
