import { describe, expect, test } from 'vitest';
import {
  egressRuleFact,
  ip,
  nodeFacts,
  pod,
  pool,
  portOf,
  present,
  service,
  slice,
} from '../../test/generators/build.ts';
import { hostPrefix } from '../net/prefix.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { describeWalk } from './describe.ts';
import { directionIn, type ExistingFlow, isAsPlanned } from './existing.ts';
import { walkJson } from './json.ts';
import { plainText } from './lines.ts';
import type { Packet } from './packet.ts';
import { replyWalk } from './reply-walk.ts';
import { walk } from './walk.ts';

const node = nodeFacts();
const [own] = node.nodeIPs;
const planner = new Planner(node, defaultPlanOptions);
planner.apply([present('Service', service()), present('EndpointSlice', slice(['10.244.1.5', '10.244.2.6']))]);
const plan = planner.update();

const packet: Packet = {
  source: ip('198.51.100.9'),
  sourcePort: portOf(40_001),
  destination: ip('10.96.0.10'),
  protocol: 'TCP',
  port: portOf(80),
};

function flow(endpoint: string, source: string): Pick<ExistingFlow, 'original' | 'reply'> {
  return {
    original: { src: packet.source, sport: 40_001, dst: packet.destination, dport: 80 },
    reply: { src: ip(endpoint), sport: 8080, dst: ip(source), dport: 33_333 },
  };
}

describe('a flow that the plan would translate alike', () => {
  const walked = walk(plan, node, packet);
  test.each([
    ['10.244.1.5', String(own), true],
    ['10.244.2.6', String(own), true],
    ['10.244.1.5', '198.51.100.9', false],
    ['10.244.9.9', String(own), false],
  ])('to %s as %s: %s', (endpoint, source, expected) => {
    expect(isAsPlanned(walked, node, flow(endpoint, source))).toBe(expected);
  });

  test('is no "but": the connection is shown with its endpoint', () => {
    const state = { timeoutSeconds: 432_000, direction: 'original', asPlanned: true } as const;
    const text = describeWalk(walked, [{ ...flow('10.244.2.6', String(own)), ...state }]).map(plainText);
    expect(text.join('\n')).not.toContain('But');
    expect(text.join(' ').replace(/ +/g, ' ')).toContain(
      `Connection exists: TCP 198.51.100.9:40001 → 10.96.0.10:80 keeps going to 10.244.2.6:8080 as ${own}:33333 until it ends or is idle for 5 days`,
    );
  });
});

describe('a reply', () => {
  const back: Packet = {
    source: ip('10.244.1.5'),
    sourcePort: portOf(8080),
    destination: own as Packet['destination'],
    protocol: 'TCP',
    port: portOf(33_333),
  };
  const one = flow('10.244.1.5', String(own));

  test('is told by both ends; without a source port by the others', () => {
    expect(directionIn(packet, one)).toBe('original');
    expect(directionIn(back, one)).toBe('reply');
    const { sourcePort: _, ...portless } = back;
    expect(directionIn(portless, one)).toBe('reply');
    expect(directionIn({ ...back, sourcePort: portOf(8081) }, one)).toBeNull();
    expect(directionIn({ ...back, port: portOf(1) }, one)).toBeNull();
  });

  test('has its connection, with names, and the addresses translated back', () => {
    const existing = { ...one, timeoutSeconds: 86_400, direction: 'reply', asPlanned: false } as const;
    const names = {
      from: null,
      to: 'Service shop/web',
      object: { kind: 'Service', namespace: 'shop', name: 'web' },
    } as const;
    const walked = replyWalk(node, back, existing, names);
    expect(describeWalk(walked, [existing]).map(plainText)).toEqual([
      `TCP 10.244.1.5:8080 → ${own}:33333, seen on node node-a`,
      '',
      'prerouting   Service shop/web',
      '             a reply: it belongs to the connection TCP 198.51.100.9:40001 →',
      '             10.96.0.10:80 (Service shop/web), goes to 198.51.100.9:40001;',
      '             conntrack undoes the translation of that connection, and no rule of',
      '             NAT is asked',
      '',
      'Result       10.96.0.10:80 → 198.51.100.9:40001',
      '             the connection is known until it ends or is idle for 1 day',
      'Not known    - routing, and rules of other programs (a FORWARD chain that',
      '               drops), may change the outcome',
    ]);
    const { verdict, paths, steps } = walkJson(walked, [existing]);
    expect({ verdict, rule: steps[0]?.rule, snat: paths[0]?.snat, port: paths[0]?.snatPort }).toEqual({
      verdict: 'dnat',
      rule: 'reply',
      snat: '10.96.0.10',
      port: 80,
    });
  });
});

describe('rules that do not match', () => {
  const rules = Array.from({ length: 57 }, (_, index) =>
    present(
      'EgressRule',
      egressRuleFact({
        name: `r${index}`,
        to: [{ cidr: hostPrefix(ip(`203.0.113.${index}`)), protocol: null, ports: null }],
      }),
    ),
  );
  const many = new Planner(node, defaultPlanOptions);
  many.apply([
    ...rules,
    present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
    present('Pod', pod([])),
  ]);
  const walked = walk(many.update(), node, {
    ...packet,
    source: ip('10.244.1.5'),
    destination: ip('192.0.2.99'),
  });

  test('are counted, unless all are asked for', () => {
    const folded = describeWalk(walked).map(plainText);
    expect(folded).toContain('             57 other rules do not match: --all');
    expect(folded.join('\n')).not.toContain('EgressRule');
    const whole = describeWalk(walked, null, true).map(plainText);
    expect(whole.filter((line) => line.includes('EgressRule r'))).toHaveLength(57);
    expect(walkJson(walked).paths[0]?.steps.filter(({ decides }) => !decides)).toHaveLength(57);
  });
});
