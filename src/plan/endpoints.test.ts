import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endpoint, ip, portOf, slice } from '../../test/generators/build.ts';
import type { EndpointFact, EndpointSliceFact } from '../model/endpoint-slice.ts';
import { formatEndpoint } from '../net/address.ts';
import { EndpointChoice, MOST_ENDPOINTS } from './endpoints.ts';

const here = { nodeName: 'node-a', topologyLabels: { 'topology.kubernetes.io/zone': 'zone-1' } };
const web = { name: '', protocol: 'TCP' } as const;

/** The choice as texts: cluster, then local. */
function chosen(
  slices: readonly EndpointSliceFact[],
  port: ConstructorParameters<typeof EndpointChoice>[1] = web,
  family: 'IPv4' | 'IPv6' = 'IPv4',
  node = here,
) {
  const { cluster, local } = new EndpointChoice(slices, port, family, node);
  const texts = (list: typeof cluster) => list.map((one) => formatEndpoint(one.address, one.port));
  return { cluster: texts(cluster), local: texts(local) };
}

function everything({ cluster, local, serving, leftOut, isLocalReady }: EndpointChoice) {
  return { cluster, local, serving, leftOut, isLocalReady };
}

const local = { nodeName: 'node-a' };
const remote = { nodeName: 'node-b' };
const draining = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };

describe('which slices and ports', () => {
  test('name, protocol and family must match', () => {
    const ports = [
      { name: 'dns', protocol: 'UDP', port: portOf(53) },
      { name: 'dns', protocol: 'TCP', port: portOf(5353) },
      { name: 'web', protocol: 'TCP', port: portOf(8080) },
    ] as const;
    const slices = [slice(['10.0.0.1'], { ports }), slice(['fd00::1'], { ports })];
    expect(chosen(slices, { name: 'dns', protocol: 'UDP' }).cluster).toEqual(['10.0.0.1:53']);
    expect(chosen(slices, { name: 'dns', protocol: 'TCP' }, 'IPv6').cluster).toEqual(['[fd00::1]:5353']);
    expect(chosen(slices, { name: '', protocol: 'TCP' }).cluster).toEqual([]);
    expect(chosen(slices, { name: 'dns', protocol: 'SCTP' }).cluster).toEqual([]);
  });

  test('sorted by number, each address and port once', () => {
    const slices = [slice(['10.0.0.10', '10.0.0.9', '10.0.0.10']), slice(['10.0.0.9', '10.0.0.2'])];
    expect(chosen(slices).cluster).toEqual(['10.0.0.2:8080', '10.0.0.9:8080', '10.0.0.10:8080']);
  });

  test('one address with two ports counts twice', () => {
    const ports = [8081, 8080].map((port) => ({ name: '', protocol: 'TCP' as const, port: portOf(port) }));
    expect(chosen([slice(['10.0.0.1'], { ports })]).cluster).toEqual(['10.0.0.1:8080', '10.0.0.1:8081']);
  });
});

describe('of one address that stands several times', () => {
  /** From the one that counts most to the one that counts least. */
  const ranked = [
    {},
    { terminating: true },
    { ready: false, serving: true },
    { ready: false, serving: true, terminating: true },
    { ready: false, serving: false },
    { ready: false, serving: false, terminating: true },
  ] as const;
  const both = (a: EndpointFact, b: EndpointFact) => [
    chosen([slice([a], { name: 'a' }), slice([b], { name: 'b' })]),
    chosen([slice([b], { name: 'a' }), slice([a], { name: 'b' })]),
    chosen([slice([a, b])]),
    chosen([slice([b, a])]),
  ];

  test('ready before serving before neither, then endpoints that do not terminate', () => {
    for (const [index, better] of ranked.entries()) {
      for (const worse of ranked.slice(index + 1)) {
        const expected = chosen([slice([endpoint('10.0.0.1', { ...better, ...remote })])]);
        const found = both(
          endpoint('10.0.0.1', { ...better, ...remote }),
          endpoint('10.0.0.1', { ...worse, ...local }),
        );
        for (const one of found) expect(one, JSON.stringify([better, worse])).toEqual(expected);
      }
    }
  });

  test('of equals it does not matter which is on this node: all nodes decide alike', () => {
    const first = endpoint('10.0.0.1', local);
    const second = endpoint('10.0.0.1', remote);
    const there = { ...here, nodeName: 'node-b' };
    for (const slices of [
      [slice([first]), slice([second])],
      [slice([second]), slice([first])],
    ]) {
      expect(chosen(slices, web, 'IPv4').local).toEqual(['10.0.0.1:8080']);
      expect(chosen(slices, web, 'IPv4', there).local).toEqual([]);
    }
  });

  test('one that says its node counts before one that does not, one with hints before one without', () => {
    const near = { zoneHints: ['zone-1'] };
    for (const one of both(endpoint('10.0.0.1'), endpoint('10.0.0.1', local))) {
      expect(one.local).toEqual(['10.0.0.1:8080']);
    }
    const others = slice([endpoint('10.0.0.2', { zoneHints: ['zone-2'] })], { name: 'c' });
    const hinted = slice([endpoint('10.0.0.1', near)], { name: 'b' });
    const bare = slice([endpoint('10.0.0.1')], { name: 'a' });
    expect(chosen([bare, hinted, others]).cluster).toEqual(['10.0.0.1:8080']);
    expect(chosen([hinted, bare, others]).cluster).toEqual(['10.0.0.1:8080']);
  });

  test('neither the names nor the order of slices, nor how endpoints share them, decide', () => {
    const ports = [8080, 8081].map((port) => ({ name: '', protocol: 'TCP' as const, port: portOf(port) }));
    const anEndpoint = fc.record({
      address: fc.constantFrom(...['10.0.0.1', '10.0.0.2'].map(ip)),
      state: fc.record({
        ready: fc.boolean(),
        serving: fc.boolean(),
        terminating: fc.boolean(),
        nodeName: fc.constantFrom('node-a', 'node-b', null),
        zoneHints: fc.subarray(['zone-1', 'zone-2']),
        nodeHints: fc.subarray(['node-a', 'node-b']),
      }),
    });
    const placed = fc.array(fc.tuple(anEndpoint, fc.constantFrom(...ports)), { maxLength: 6 });
    fc.assert(
      fc.property(
        placed.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        fc.integer({ min: 1, max: 3 }),
        ([list, shuffled], count) => {
          const alone = list.map(([one, port], index) => slice([one], { name: `s${index}`, ports: [port] }));
          const together = ports.flatMap((port) => {
            const of = shuffled.filter(([, theirs]) => theirs === port).map(([one]) => one);
            const parts = Array.from({ length: count }, (_, part) =>
              of.filter((__, i) => i % count === part),
            );
            return parts.map((part, index) => slice(part, { name: `t${count - index}`, ports: [port] }));
          });
          expect(everything(new EndpointChoice(together, web, 'IPv4', here))).toEqual(
            everything(new EndpointChoice(alone, web, 'IPv4', here)),
          );
        },
      ),
    );
  });
});

test('more than a view can have: those of the lowest addresses, however they are shared out', () => {
  const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  const all = Array.from({ length: MOST_ENDPOINTS + 3 }, (_, index) => endpoint(address(index), local));
  const reversed = slice([...all].reverse());
  for (const slices of [[slice(all)], [reversed], [slice(all.slice(9)), slice(all.slice(0, 9))]]) {
    const choice = new EndpointChoice(slices, web, 'IPv4', here);
    expect(choice.leftOut).toBe(3);
    for (const list of [choice.cluster, choice.local]) {
      expect(list).toHaveLength(MOST_ENDPOINTS);
      expect(list.at(-1)?.address).toBe(address(MOST_ENDPOINTS - 1));
    }
  }
  expect(new EndpointChoice([slice(all.slice(3))], web, 'IPv4', here).leftOut).toBe(0);
});

test('the endpoints of a slice that did not change keep their identity beside one that did', () => {
  const kept = slice(['10.0.0.9', '10.0.0.1'], { name: 'a' });
  const before = new EndpointChoice([kept, slice(['10.0.0.5'], { name: 'b' })], web, 'IPv4', here).cluster;
  const after = new EndpointChoice([kept, slice(['10.0.0.6'], { name: 'b' })], web, 'IPv4', here).cluster;
  expect(after.map(({ address }) => address)).toEqual(['10.0.0.1', '10.0.0.6', '10.0.0.9']);
  expect(after.map((each, index) => each === before[index])).toEqual([true, false, true]);
});

test('many slices of IPv6, with what moves from one to another in both', () => {
  const addresses = Array.from({ length: 300 }, (_, index) => `fd00::${index.toString(16)}`);
  const slices = Array.from({ length: 7 }, (_, part) =>
    slice(addresses.filter((_, index) => index % 7 === part || (index + 1) % 7 === part).reverse(), {
      name: `s${part}`,
    }),
  );
  const { cluster } = new EndpointChoice(slices, web, 'IPv6', here);
  expect(cluster.map(({ address }) => address)).toEqual(addresses.map((address) => ip(address)));
});

describe('which endpoints serve, for the flows that they have', () => {
  const serving = (...endpoints: Parameters<typeof slice>[0]) =>
    new EndpointChoice([slice(endpoints)], web, 'IPv4', here).serving.map(({ address }) => address);

  test('those that drain, and those that hints leave out', () => {
    expect(
      serving(
        endpoint('10.0.0.1', { zoneHints: ['zone-1'] }),
        endpoint('10.0.0.2', { zoneHints: ['zone-2'] }),
        endpoint('10.0.0.3', draining),
        endpoint('10.0.0.4', gone),
      ),
    ).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  test('the very list of the usable ones, where they are the same', () => {
    const { cluster, serving } = new EndpointChoice([slice(['10.0.0.1', '10.0.0.2'])], web, 'IPv4', here);
    expect(serving).toBe(cluster);
  });
});

describe('which endpoints are usable', () => {
  const cases: [name: string, slice: EndpointSliceFact, expected: { cluster: string[]; local: string[] }][] =
    [
      [
        'ready ones, and the local of them',
        slice([endpoint('10.0.0.1', local), endpoint('10.0.0.2', remote)]),
        { cluster: ['10.0.0.1:8080', '10.0.0.2:8080'], local: ['10.0.0.1:8080'] },
      ],
      [
        'while one is ready, none that drains',
        slice([endpoint('10.0.0.1', remote), endpoint('10.0.0.2', { ...draining, ...remote })]),
        { cluster: ['10.0.0.1:8080'], local: [] },
      ],
      [
        'decided for Local by itself: a draining local one beside a ready remote one',
        slice([endpoint('10.0.0.1', remote), endpoint('10.0.0.2', { ...draining, ...local })]),
        { cluster: ['10.0.0.1:8080'], local: ['10.0.0.2:8080'] },
      ],
      [
        'none is ready: those that still serve while they terminate',
        slice([endpoint('10.0.0.1', { ...draining, ...local }), endpoint('10.0.0.2', gone)]),
        { cluster: ['10.0.0.1:8080'], local: ['10.0.0.1:8080'] },
      ],
      [
        'serving, but neither ready nor terminating: not usable',
        slice([endpoint('10.0.0.1', { ready: false, serving: true })]),
        { cluster: [], local: [] },
      ],
      [
        'ready and terminating (publishNotReadyAddresses): usable',
        slice([endpoint('10.0.0.1', { terminating: true, ...local })]),
        { cluster: ['10.0.0.1:8080'], local: ['10.0.0.1:8080'] },
      ],
      ['no node name: not local', slice(['10.0.0.1']), { cluster: ['10.0.0.1:8080'], local: [] }],
      ['none at all', slice([]), { cluster: [], local: [] }],
    ];
  test.each(cases)('%s', (_, given, expected) => {
    expect(chosen([given])).toEqual(expected);
  });
});

describe('topology hints', () => {
  const zone = (...zoneHints: string[]) => ({ zoneHints });
  const node = (...nodeHints: string[]) => ({ nodeHints });
  const cases: [name: string, slice: EndpointSliceFact, cluster: string[]][] = [
    [
      'the endpoints for this zone',
      slice([endpoint('10.0.0.1', zone('zone-1', 'zone-2')), endpoint('10.0.0.2', zone('zone-2'))]),
      ['10.0.0.1:8080'],
    ],
    [
      'one ready endpoint without a hint: all',
      slice([endpoint('10.0.0.1', zone('zone-1')), endpoint('10.0.0.2', zone())]),
      ['10.0.0.1:8080', '10.0.0.2:8080'],
    ],
    [
      'an endpoint without a hint that is not ready does not count',
      slice([
        endpoint('10.0.0.1', zone('zone-1')),
        endpoint('10.0.0.2', { ready: false, ...zone() }),
        endpoint('10.0.0.3', zone('zone-2')),
      ]),
      ['10.0.0.1:8080'],
    ],
    [
      'none for this zone: all',
      slice([endpoint('10.0.0.1', zone('zone-2')), endpoint('10.0.0.2', zone('zone-3'))]),
      ['10.0.0.1:8080', '10.0.0.2:8080'],
    ],
    [
      'node hints go before zone hints',
      slice([
        endpoint('10.0.0.1', { ...zone('zone-1'), ...node('node-b') }),
        endpoint('10.0.0.2', { ...zone('zone-2'), ...node('node-a') }),
      ]),
      ['10.0.0.2:8080'],
    ],
    [
      'no node hint for this node: zone hints',
      slice([
        endpoint('10.0.0.1', { ...zone('zone-1'), ...node('node-b') }),
        endpoint('10.0.0.2', { ...zone('zone-2'), ...node('node-c') }),
      ]),
      ['10.0.0.1:8080'],
    ],
    [
      'draining endpoints are not narrowed',
      slice([
        endpoint('10.0.0.1', { ...draining, ...zone('zone-1') }),
        endpoint('10.0.0.2', { ...draining, ...zone('zone-2') }),
      ]),
      ['10.0.0.1:8080', '10.0.0.2:8080'],
    ],
  ];
  test.each(cases)('%s', (_, given, cluster) => {
    expect(chosen([given]).cluster).toEqual(cluster);
  });

  test('never narrow Local', () => {
    const hinted = slice([
      endpoint('10.0.0.1', { ...local, ...zone('zone-2') }),
      endpoint('10.0.0.2', { ...remote, ...zone('zone-1') }),
    ]);
    expect(chosen([hinted])).toEqual({ cluster: ['10.0.0.2:8080'], local: ['10.0.0.1:8080'] });
  });

  test('a node without a zone takes all', () => {
    const hinted = slice([endpoint('10.0.0.1', zone('zone-1')), endpoint('10.0.0.2', zone(''))]);
    const bare = { nodeName: 'node-a', topologyLabels: {} };
    expect(chosen([hinted], web, 'IPv4', bare as typeof here).cluster).toHaveLength(2);
  });
});
