/**
 * What bindings do, with real packets: every protocol in both families, from wherever they can be dialled; ranges of
 * ports; who may connect; and with which address the pod answers and speaks. docs/spec/pod-nat.md, "What is programmed".
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PodNatEntry } from '../../src/model/pod.ts';
import { formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import { FAMILIES, type Family } from '../../src/net/family.ts';
import { PROTOCOLS, type Protocol } from '../../src/net/protocol.ts';
import { cidr, natEntry } from '../generators/build.ts';
import { allSettled, type Stage } from '../netns/stage.ts';
import {
  ANSWER,
  address,
  answererOf,
  buildStage,
  manual,
  type Name,
  PodNatNode,
  port,
  smtp,
  sourceSeen,
  there,
} from './pod-nat-scene.ts';

/** Of the pod: one for each protocol, so that nobody answers for another; then a range with its neighbours. */
const portOfPod = { TCP: 25, UDP: 26, SCTP: 27 } as const satisfies Record<Protocol, number>;
const POD_PORTS = [...Object.values(portOfPod), 19_999, 20_000, 20_003, 20_004];

/** Who plays whom in a family. */
const casts = {
  IPv4: {
    client: 'client',
    stranger: 'stranger',
    node: 'public',
    pod: 'podA',
    otherPod: 'podB',
    outside: 'outside',
  },
  IPv6: {
    client: 'client6',
    stranger: 'stranger6',
    node: 'public6',
    pod: 'podA6',
    otherPod: 'podB6',
    outside: 'outside6',
  },
} as const satisfies Record<Family, Record<string, Name>>;
type Role = keyof (typeof casts)['IPv4'];

const EVERYBODY = ['client', 'stranger', 'otherPod', 'node', 'pod'] as const satisfies readonly Role[];

let stage: Stage;
let node: PodNatNode;

beforeAll(async () => {
  stage = await buildStage({ protocols: PROTOCOLS, podPorts: POD_PORTS });
});
afterAll(() => stage.dispose());
beforeEach(() => {
  node = new PodNatNode(stage);
});
afterEach(() => node.end());

/** Binds port 25 of the node to the pod's port, in every protocol. */
const everyProtocol = (rest: Partial<PodNatEntry> = {}) =>
  PROTOCOLS.map((protocol) => natEntry({ protocol, destinationPort: port(portOfPod[protocol]), ...rest }));

const bind = (...entries: readonly PodNatEntry[]) =>
  node.apply(there(smtp({ ips: [address.podA, address.podA6] }, entries)));

/** Asks for every family, protocol and item at once; gives the answers by `IPv4 TCP item`. */
async function everywhere<Item extends string | number>(
  items: readonly Item[],
  ask: (family: Family, protocol: Protocol, item: Item) => Promise<string> | string,
): Promise<Record<string, string>> {
  const cases = FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) => items.map((item) => ({ family, protocol, item }))),
  );
  const answers = await allSettled(
    cases.map(async ({ family, protocol, item }) => {
      return [`${family} ${protocol} ${item}`, await ask(family, protocol, item)] as const;
    }),
  );
  return Object.fromEntries(answers);
}

/** Who answers at the node's address; null stands for nobody. */
async function expectAnswerers<Item extends string | number>(
  items: readonly Item[],
  dialled: (item: Item) => { readonly source: Role; readonly port?: number },
  expected: (family: Family, protocol: Protocol, item: Item) => string | null,
): Promise<void> {
  const answers = await everywhere(items, async (family, protocol, item) => {
    const { source, port = 25 } = dialled(item);
    const waitMs = expected(family, protocol, item) === null ? undefined : ANSWER;
    const { [source]: from, node } = casts[family];
    return await answererOf(stage, from, node, port, protocol, undefined, waitMs);
  });
  expect(answers).toEqual(await everywhere(items, (...each) => expected(...each) ?? 'nobody'));
}

const atPod = (family: Family, port: number) => formatEndpoint(address[casts[family].pod], port);

/** As listeners tell of what they saw. */
const seenAs = (one: IpAddress) => (one.includes(':') ? `[${one}]` : one);

test('reached from outside, from another pod, from the node itself and from the pod itself', async () => {
  await bind(...everyProtocol());
  await expectAnswerers(
    EVERYBODY,
    (source) => ({ source }),
    (family, protocol) => atPod(family, portOfPod[protocol]),
  );
});

test('a range leads port by port, and no port beyond', async () => {
  const range = { sourcePort: port(10_000), destinationPort: port(20_000), portCount: 4 };
  await bind(...everyProtocol(range));
  const ends: Record<number, number> = { 10000: 20_000, 10003: 20_003 };
  for (const source of ['client', 'node', 'pod'] as const) {
    await expectAnswerers(
      [9_999, 10_000, 10_003, 10_004],
      (dialled) => ({ source, port: dialled }),
      (family, _, dialled) => {
        const end = ends[dialled];
        return end === undefined ? null : atPod(family, end);
      },
    );
  }
});

test('allow admits its networks alone, be it of the node or of the pod itself', async () => {
  for (const [networks, admitted] of [
    [['198.51.100.0/24', '2001:db8:9::/48'], ['client']],
    [
      ['203.0.113.7/32', '2001:db8::10/128', '10.244.1.5/32', 'fd00:244::5/128'],
      ['node', 'pod'],
    ],
    [null, EVERYBODY],
    [[], []],
  ] as const satisfies readonly (readonly [readonly string[] | null, readonly Role[]])[]) {
    await bind(...everyProtocol({ allow: networks?.map(cidr) ?? null }));
    const isIn = new Set<Role>(admitted);
    await expectAnswerers(
      EVERYBODY,
      (source) => ({ source }),
      (family, protocol, source) => (isIn.has(source) ? atPod(family, portOfPod[protocol]) : null),
    );
  }
});

/** A way, and whose address is seen at its end where the pod speaks with that of `speaksAs`. */
const ways = (speaksAs: Role) =>
  ({
    'client>node': 'client',
    'otherPod>node': 'otherPod',
    'pod>node': 'node', // a pod throws away what comes from its own address
    'pod>outside': speaksAs,
    'otherPod>outside': 'otherPod',
  }) as const satisfies Record<string, Role>;

test('the pod sees who dials, and speaks with the address of its binding', async () => {
  for (const [egress, speaksAs] of [
    [true, 'node'],
    [false, 'pod'],
  ] as const) {
    await bind(...everyProtocol({ egress }));
    const wanted = ways(speaksAs);
    const each = Object.keys(wanted) as (keyof typeof wanted)[];
    const seen = await everywhere(each, (family, protocol, way) => {
      const [from, to] = way.split('>') as [Role, Role];
      return sourceSeen(stage, casts[family][from], casts[family][to], protocol);
    });
    expect(seen).toEqual(
      await everywhere(each, (family, _, way) => seenAs(address[casts[family][wanted[way]]])),
    );
  }
});

test('the address is that of the protocol: what the pod sends by another one keeps its own', async () => {
  const [tcp] = everyProtocol();
  if (tcp === undefined) throw new Error('no protocol');
  await bind(tcp);
  const sources = await everywhere(['outside'], (family, protocol, to) =>
    sourceSeen(stage, casts[family].pod, casts[family][to], protocol),
  );
  expect(sources).toEqual(
    await everywhere(['outside'], (family, protocol) =>
      seenAs(address[protocol === 'TCP' ? casts[family].node : casts[family].pod]),
    ),
  );
});

test('replies go back over the address that was dialled, not over that of the first entry', async () => {
  await bind(
    ...everyProtocol(manual('second')),
    ...everyProtocol({ sourcePort: port(26), destinationPort: port(20_000) }),
  );
  await allSettled(
    PROTOCOLS.map(async (protocol) => {
      // The dialling socket is connected: an answer from another address than the dialled one does not reach it.
      const [second, first, spoken] = await allSettled([
        answererOf(stage, 'client', 'second', 25, protocol, undefined, ANSWER),
        answererOf(stage, 'client', 'public', 26, protocol, undefined, ANSWER),
        sourceSeen(stage, 'podA', 'outside', protocol),
      ]);
      expect([protocol, second, first, spoken]).toEqual([
        protocol,
        atPod('IPv4', portOfPod[protocol]),
        atPod('IPv4', 20_000),
        address.second,
      ]);
    }),
  );
});

test('with an address the pod speaks as its binding says; it is reached once it is Ready', async () => {
  const fact = smtp({ ips: [address.podA, address.podA6], ready: false }, everyProtocol());
  for (const ready of [false, true]) {
    await node.apply(there({ ...fact, ready }));
    const spoken = everywhere(['outside'], (family, protocol) =>
      sourceSeen(stage, casts[family].pod, casts[family].outside, protocol),
    );
    const answered = expectAnswerers(
      ['client'],
      (source) => ({ source }),
      (family, protocol) => (ready ? atPod(family, portOfPod[protocol]) : null),
    );
    expect(await spoken).toEqual(
      await everywhere(['outside'], (family) => seenAs(address[casts[family].node])),
    );
    await answered;
  }
});
