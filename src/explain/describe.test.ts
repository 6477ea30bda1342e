import { describe, expect, test } from 'vitest';
import {
  ip,
  natEntry,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import type { FactChange } from '../model/facts.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { describeWalk } from './describe.ts';
import { walkJson } from './json.ts';
import { plainText } from './lines.ts';
import { type Walk, walk } from './walk.ts';

function walked(changes: readonly FactChange[], source: string, destination: string, port = 80): Walk {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  planner.apply(changes);
  const packet = {
    source: ip(source),
    destination: ip(destination),
    protocol: 'TCP',
    port: portOf(port),
  } as const;
  return walk(planner.update(), nodeFacts(), packet);
}

const text = (result: Walk) => describeWalk(result).map(plainText);
const web = present('Service', service());
const two = present('EndpointSlice', slice(['10.244.1.5', '10.244.2.6']));
const many = present(
  'EndpointSlice',
  slice(Array.from({ length: 12 }, (_, index) => `10.244.2.${index + 1}`)),
);
const pools = present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }));

describe('as text', () => {
  test('a hairpin among several endpoints', () => {
    expect(text(walked([web, two], '10.244.1.5', '10.96.0.10'))).toEqual([
      'TCP 10.244.1.5 → 10.96.0.10:80, seen on node node-a',
      '',
      'prerouting   Service shop/web',
      '             ClusterIP 10.96.0.10:80/TCP: one of 2 endpoints, at random',
      '             → 10.244.1.5:8080',
      '             → 10.244.2.6:8080',
      '             to 10.244.1.5:8080:',
      'postrouting  Service shop/web',
      '             hairpin: the endpoint is the source itself, so the source becomes',
      '             an address of this node',
      '             to 10.244.2.6:8080:',
      'postrouting  Service shop/web',
      '             to a ClusterIP from a pod: the source stays',
      '',
      'Result       an address of this node → 10.244.1.5:8080',
      '             reply: 10.244.1.5:8080 → an address of this node; the sender sees',
      '             it from 10.96.0.10:80',
      '             10.244.1.5 → 10.244.2.6:8080',
      '             reply: 10.244.2.6:8080 → 10.244.1.5; the sender sees it from',
      '             10.96.0.10:80 if routing brings it back through this node, as it',
      '             does for this node’s pods',
      'Not known    - which address of the node the source becomes: that of the',
      '               outgoing interface',
      '             - whether such a connection exists: it would keep its first',
      '               translation',
      '             - routing, and rules of other programs (a FORWARD chain that',
      '               drops), may change the outcome',
    ]);
  });

  test('an existing connection keeps its translation, and is no longer listed as not known', () => {
    const result = walked([web, two], '198.51.100.9', '10.96.0.10');
    const client = { src: ip('198.51.100.9'), sport: 40001 };
    const original = { ...client, dst: ip('10.96.0.10'), dport: 80 };
    const reply = { src: ip('10.244.9.9'), sport: 8080, dst: ip('192.0.2.1'), dport: 40001 };
    const state = { direction: 'original', asPlanned: false } as const;
    const existing = [{ original, reply, timeoutSeconds: 431_990, ...state }];
    const lines = describeWalk(result, existing).map(plainText);
    expect(lines.join('\n')).toContain(
      [
        'But          an existing flow: TCP 198.51.100.9:40001 → 10.96.0.10:80 keeps',
        '             going to 10.244.9.9:8080 as 192.0.2.1:40001 until it ends or is',
        '             idle for 4 days 23 hours',
      ].join('\n'),
    );
    expect(lines.join('\n')).not.toContain('whether such a connection exists');
    expect(walkJson(result).existing).toBeNull();
    expect(walkJson(result, existing).existing).toEqual([
      {
        original: { source: '198.51.100.9:40001', destination: '10.96.0.10:80' },
        reply: { source: '10.244.9.9:8080', destination: '192.0.2.1:40001' },
        timeoutSeconds: 431_990,
        direction: 'original',
        asPlanned: false,
      },
    ]);
  });

  test('endpoints in different pools each name their own', () => {
    const racks = [
      present('IPPool', pool('rack1', '10.244.1.0/24', { natOutgoing: true })),
      present('IPPool', pool('rack2', '10.244.2.0/24')),
    ];
    const lines = text(walked([web, two, ...racks], '10.244.1.9', '10.96.0.10'));
    expect(lines).toContain('             natOutgoing, but the destination is in IPPool rack1');
    expect(lines).toContain('             natOutgoing, but the destination is in IPPool rack2');
  });

  test('no line is longer than 80 characters', () => {
    const twin = present('Service', service({ name: 'a-service-with-quite-a-long-name', createdAt: 2000 }));
    const results = [
      walked([web, many, pools, twin], '10.244.2.2', '10.96.0.10'),
      walked([web, two], '198.51.100.9', '10.96.0.99'),
      walked([present('Pod', pod([natEntry()])), pools], '10.244.1.5', '172.16.0.1'),
    ];
    for (const line of results.flatMap(text)) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('counts what would be too long a list', () => {
    const lines = text(walked([web, many], '10.244.9.9', '10.96.0.10'));
    expect(lines.filter((line) => line.startsWith('             → '))).toHaveLength(7);
    expect(lines).toContain('             and 5 more');
  });

  test('names lost claims, refusals and untouched packets', () => {
    const twin = present('Service', service({ name: 'other', createdAt: 2000 }));
    const refused = describeWalk(walked([web, twin], '10.244.1.5', '10.96.0.10'));
    const shown = refused.map(plainText).join('\n');
    expect(shown).toContain('Result       refused: the sender gets an error at once');
    expect(shown).toContain('Conflict     also claimed by Service shop/other; Service shop/web has it');
    expect(refused.flat().filter((span) => span.tone === 'bad')).not.toEqual([]);
    expect(text(walked([], '198.51.100.9', '8.8.8.8'))).toContain(
      'Result       unchanged: 198.51.100.9 → 8.8.8.8:80',
    );
  });
});

test('as JSON: plain data in a stable shape', () => {
  const json = walkJson(walked([pools, web, two], '10.244.1.5', '10.96.0.10'));
  expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  const state = { source: '10.244.1.5', protocol: 'TCP' };
  expect(json).toMatchObject({
    node: 'node-a',
    packet: { ...state, destination: '10.96.0.10', port: 80, sourcePort: null },
    verdict: 'dnat',
    steps: [
      {
        hook: 'prerouting',
        rule: 'service-frontend',
        object: 'Service shop/web',
        verdict: 'dnat',
        reason: 'ClusterIP 10.96.0.10:80/TCP: one of 2 endpoints, at random',
        after: [
          { destination: '10.244.1.5', port: 8080 },
          { destination: '10.244.2.6', port: 8080 },
        ],
      },
    ],
    paths: [
      { endpoint: '10.244.1.5:8080', snat: 'node', after: { source: 'node' } },
      {
        endpoint: '10.244.2.6:8080',
        snat: null,
        reply: {
          sent: { from: '10.244.2.6:8080', to: '10.244.1.5' },
          seen: { from: '10.96.0.10:80', to: '10.244.1.5' },
          returns: 'routing',
        },
      },
    ],
    conflicts: [],
    unknown: [{ about: 'masquerade-address' }, { about: 'existing-connections' }, { about: 'other-tables' }],
  });
});
