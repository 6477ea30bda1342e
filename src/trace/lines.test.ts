import { expect, test } from 'vitest';
import { plainText } from '../explain/lines.ts';
import type { TraceExplained, TraceLine, TracePacket } from '../forms/trace.ts';
import { explainedText, traceLines } from './lines.ts';

const said: TraceExplained = {
  ...{ verdict: 'dnat', endpoints: ['10.244.1.5:8080'], masq: true, snat: 'node' },
  ...{ because: 'Service shop/web', way: null },
};

const packet: TracePacket = {
  ...{ number: 1, at: '2026-01-31T15:04:05.123Z', protocol: 'TCP', details: 'SYN', length: 60 },
  isReply: false,
  before: { source: '198.51.100.9:40000', destination: '203.0.113.7:80' },
  after: { source: '192.0.2.10:50000', destination: '10.244.1.5:8080' },
  ...{ in: 'eth0', out: 'cni0' },
  connection: { state: 'new', id: 7, direction: 'original' },
  steps: [
    {
      ...{ hook: 'prerouting', table: 'ip knat', chain: 'prerouting_nat', handle: 9, rule: 'dnat to …' },
      ...{ verdict: 'accept', object: 'Service shop/web', ours: true },
    },
    {
      ...{ hook: 'forward', table: 'ip filter', chain: 'FORWARD', handle: null, rule: 'policy accept' },
      ...{ verdict: 'accept', object: null, ours: false },
    },
  ],
  cut: 0,
  outcome: { kind: 'left', text: 'left by cni0', object: null },
  ...{ explained: said, compared: true, differs: null, incomplete: false },
};

const textOf = (line: TraceLine) => traceLines(line).map(plainText);
const told = (rest: Partial<TracePacket>) => textOf({ event: 'packet', packet: { ...packet, ...rest } });

test('a packet', () => {
  expect(told({})).toEqual([
    '',
    '1  15:04:05.123  TCP 198.51.100.9:40000 → 203.0.113.7:80 SYN',
    'Came         in by eth0, 60 bytes, connection 7, new',
    '',
    'prerouting   ip knat, chain prerouting_nat: Service shop/web',
    '               dnat to …',
    '',
    'Result       192.0.2.10:50000 → 10.244.1.5:8080; left by cni0',
    'Explain      says the same',
  ]);
});

test('what is wrong is said aloud', () => {
  const outcome = { kind: 'dropped', text: 'dropped by table ip x', object: null } as const;
  const lines = traceLines({ event: 'packet', packet: { ...packet, outcome, differs: 'explain says …' } });
  const [result, differs] = lines.slice(-2);
  expect([result?.[1]?.tone, differs?.[1]?.tone]).toEqual(['bad', 'bad']);
  expect(plainText(differs ?? [])).toBe('DIFFERS      explain says …');
});

test.each<[Partial<TracePacket>, string]>([
  [{ isReply: true, explained: null, compared: false }, '1  15:04:05.123  reply TCP 198.51.100.9:40000'],
  [{ in: null, connection: null }, 'Came         sent by this node, 60 bytes'],
  [{ compared: false }, 'Explain      is about first packets; this one belongs to an existing'],
  [{ incomplete: true, compared: false }, '             notifications were lost: steps may be missing'],
  [{ cut: 12 }, '             12 more steps are not listed'],
  [{ after: packet.before }, 'Result       198.51.100.9:40000 → 203.0.113.7:80, unchanged; left by cni0'],
])('%j', (rest, line) => {
  expect(told(rest).join('\n')).toContain(line);
});

test('begin and end', () => {
  const started = {
    protocol: 'TCP',
    source: '10.0.0.1',
    destination: '10.96.0.10:80',
    count: 1,
    seconds: 30,
  };
  expect(textOf({ event: 'started', node: 'n1', ...started, explained: { ...said, way: 'A → B' } })).toEqual([
    'TCP 10.0.0.1 → 10.96.0.10:80 on node n1: the next packet, at most 30 s',
    'Explain says to 10.244.1.5:8080, with an address of this node as source: Service',
    '             shop/web',
    '             with all rules and routes: A → B',
  ]);
  const end = { event: 'end', because: 'time', packets: 0, more: 3, lost: true } as const;
  expect(textOf(end)).toEqual([
    '',
    'no packet came, and the time is over',
    '3 more packets matched and were not shown',
    'Some notifications were lost.',
  ]);
});

test('what explain says, in short', () => {
  expect(explainedText({ ...said, verdict: 'drop' })).toBe('dropped');
  expect(explainedText({ ...said, verdict: 'none', masq: false })).toBe(
    'the destination stays, the source stays',
  );
  expect(explainedText({ ...said, snat: null })).toContain('the source depends on the endpoint');
});
