import { expect, test } from 'vitest';
import { ip } from '../../test/generators/build.ts';
import type { Fate, Journey } from '../explain/others/journey.ts';
import { NOTHING_OWN } from '../explain/others/own-chains.ts';
import type { PassingPacket } from '../netfilter/packet.ts';
import { differenceFromWay, wayText } from './beside-way.ts';
import type { Happened } from './happened.ts';

const CLIENT = ip('198.51.100.9');
const POD = ip('10.244.1.5');
const NODE = ip('192.0.2.10');
const node = {
  nodeName: 'n1',
  localAddresses: [{ address: NODE, interface: 'eth0', prefixLength: 24 }] as never,
  listeners: [],
};

const packet: PassingPacket = {
  ...{ family: 'IPv4', protocol: 'TCP', source: CLIENT, sourcePort: 40_000, destination: POD, port: 8080 },
  ...{ isLocal: false, input: { name: 'eth0', index: 2 }, output: { name: 'cni0', index: 3 } },
  ...{ mark: { value: 0, known: 0 }, connectionMark: { value: 0, known: 0 }, tracking: 'tracked' },
  original: { source: CLIENT, sourcePort: 40_000, destination: ip('10.96.0.10'), port: 80 },
  isDecided: { destination: true, source: true },
};

const none: ReadonlySet<string> = new Set();
const by = { table: 'table ip filter', chain: 'DOCKER-USER', text: 'tcp dport 8080 drop' };
const sent: Fate = { kind: 'sent', output: { name: 'cni0', index: 3 } };

function journey(fate: Fate, rest: Partial<PassingPacket> = {}, limits: readonly string[] = []): Journey {
  const course = { packet: { ...packet, ...rest }, assumed: [], met: [], own: NOTHING_OWN };
  return { input: null, inputIsAssumed: false, ends: [{ course, fate }], limits };
}

function header(source: string, destination: string, port: number): Happened['after'] {
  return {
    ...{ family: 'IPv4', source: ip(source), destination: ip(destination), protocol: 6 },
    ...{ sourcePort: 40_000, port, icmp: null, length: 60, details: 'SYN' },
  };
}

function happened(rest: Partial<Happened> = {}): Happened {
  return {
    before: header('198.51.100.9', '10.96.0.10', 80),
    after: header('198.51.100.9', '10.244.1.5', 8080),
    ...{ kind: 'left', text: 'left by cni0', out: 'cni0' },
    ...rest,
  };
}

test.each<[string, Journey, Happened]>([
  ['as said', journey(sent), happened()],
  [
    'masqueraded to some address of the node',
    journey(sent, { source: null }),
    happened({ after: header(NODE, POD, 8080) }),
  ],
  [
    'dropped by another program',
    journey({ kind: 'dropped', by, because: '' }),
    happened({ kind: 'dropped', text: 'dropped', out: null }),
  ],
  [
    'gone where routing drops it',
    journey({ kind: 'dropped', by: null, because: 'no route' }),
    happened({ kind: 'gone', text: 'not seen', out: null }),
  ],
  ['to this node', journey({ kind: 'delivered' }), happened({ kind: 'delivered', out: null })],
  ['explain does not know', journey({ kind: 'unknown', by, because: '' }), happened({ kind: 'dropped' })],
  ['explain could not look at all', journey(sent, {}, ['too many rules']), happened({ kind: 'dropped' })],
  ['a program has it', journey(sent), happened({ kind: 'handed over' })],
])('no difference: %s', (_name, said, what) => {
  expect(differenceFromWay(said, none, what, node)).toBeNull();
});

test.each<[string, Journey, Happened, RegExp]>([
  [
    'dropped',
    journey(sent),
    happened({ kind: 'dropped', text: 'dropped by table ip x', out: null }),
    /^explain says 198\.51\.100\.9 → 10\.244\.1\.5:8080, by cni0; the packet was dropped by table ip x$/,
  ],
  [
    'not dropped',
    journey({ kind: 'dropped', by, because: '' }),
    happened(),
    /^explain says dropped by docker \(chain DOCKER-USER of table ip filter\): tcp dport 8080 drop; the packet is .* left by cni0$/,
  ],
  ['another interface', journey(sent), happened({ out: 'eth1', text: 'left by eth1' }), /left by eth1$/],
  [
    'another endpoint',
    journey(sent),
    happened({ after: header(CLIENT, '10.244.1.6', 8080) }),
    /10\.244\.1\.6/,
  ],
  ['another source', journey(sent), happened({ after: header(NODE, POD, 8080) }), /192\.0\.2\.10:40000/],
  [
    'masqueraded to an address that is not of the node',
    journey(sent, { source: null }),
    happened({ after: header('203.0.113.99', POD, 8080) }),
    /explain says an address of this node/,
  ],
  [
    'dropped by a rule, not gone',
    journey({ kind: 'dropped', by, because: '' }),
    happened({ kind: 'gone', text: 'not seen', out: null }),
    /the packet was not seen$/,
  ],
])('a difference: %s', (_name, said, what, text) => {
  expect(differenceFromWay(said, none, what, node)).toMatch(text);
});

test('of many endpoints, the way of one stands for all', () => {
  const [end] = journey(sent).ends;
  if (end === undefined) throw new Error('no end');
  const own = { ...NOTHING_OWN, endpoint: '10.244.1.5:8080' };
  const said = { ...journey(sent), ends: [{ ...end, course: { ...end.course, own } }] };
  const other = happened({ after: header(CLIENT, '10.244.7.7', 8080), out: 'eth1' });
  expect(differenceFromWay(said, new Set(['10.244.7.7:8080']), other, node)).toBeNull();
  expect(differenceFromWay(said, none, other, node)).not.toBeNull();
  const foreign = happened({ after: header('203.0.113.99', '10.244.7.7', 8080) });
  expect(differenceFromWay(said, new Set(['10.244.7.7:8080']), foreign, node)).not.toBeNull();
});

test('many ways are counted', () => {
  const [end] = journey(sent).ends;
  if (end === undefined) throw new Error('no end');
  const ends = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'].map((address) => ({
    ...end,
    course: { ...end.course, packet: { ...packet, destination: ip(address) } },
  }));
  expect(wayText({ ...journey(sent), ends })).toMatch(/10\.0\.0\.3:8080, by cni0 or 2 more$/);
});
