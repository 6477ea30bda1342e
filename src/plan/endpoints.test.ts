import { describe, expect, test } from 'vitest';
import { endpoint, portOf, slice } from '../../test/generators/build.ts';
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { formatEndpoint } from '../net/address.ts';
import { chooseEndpoints } from './endpoints.ts';

const here = { nodeName: 'node-a', topologyLabels: { 'topology.kubernetes.io/zone': 'zone-1' } };
const web = { name: '', protocol: 'TCP' } as const;

/** The choice as texts: cluster, then local. */
function chosen(
  slices: readonly EndpointSliceFact[],
  port: Parameters<typeof chooseEndpoints>[1] = web,
  family: 'IPv4' | 'IPv6' = 'IPv4',
  node = here,
) {
  const { cluster, local } = chooseEndpoints(slices, port, family, node);
  const texts = (list: typeof cluster) => list.map((one) => formatEndpoint(one.address, one.port));
  return { cluster: texts(cluster), local: texts(local) };
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

  test('of one address in two slices the first counts, unless a later one is on this node', () => {
    const down = slice([endpoint('10.0.0.1', { ready: false, ...remote })]);
    const up = slice([endpoint('10.0.0.1', remote)]);
    expect(chosen([down, up]).cluster).toEqual([]);
    expect(chosen([up, down]).cluster).toEqual(['10.0.0.1:8080']);
    expect(chosen([down, slice([endpoint('10.0.0.1', local)])])).toEqual({
      cluster: ['10.0.0.1:8080'],
      local: ['10.0.0.1:8080'],
    });
  });
});

test('of a pod that terminates and another with its address, the one that does not terminate counts', () => {
  const old = slice([endpoint('10.0.0.1', { ...gone, ...local })]);
  const young = slice([endpoint('10.0.0.1', remote)]);
  const both = { cluster: ['10.0.0.1:8080'], local: [] };
  expect(chosen([old, young])).toEqual(both);
  expect(chosen([young, old])).toEqual(both);
});

describe('which endpoints serve, for the flows that they have', () => {
  const serving = (...endpoints: Parameters<typeof slice>[0]) =>
    chooseEndpoints([slice(endpoints)], web, 'IPv4', here).serving.map(({ address }) => address);

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
    const { cluster, serving } = chooseEndpoints([slice(['10.0.0.1', '10.0.0.2'])], web, 'IPv4', here);
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
