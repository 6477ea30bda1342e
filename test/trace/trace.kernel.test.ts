import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  CLIENT,
  FlowsStage,
  NODE,
  natPool,
  PLACE,
  PLACE6,
  POD,
  POD6,
  PORT,
  PUBLIC,
  pods,
} from '../flows/flows-stage.ts';
import {
  egressRuleFact,
  endpoint,
  ip,
  natEntry,
  pod,
  portOf,
  present,
  service,
  servicePort,
  slice,
} from '../generators/build.ts';
import { listRuleset, nft } from '../netns/namespace.ts';
import { RunningTrace } from './trace-stage.ts';

let stage: FlowsStage;

beforeAll(async () => {
  stage = await FlowsStage.build();
});
afterEach(async () => await stage.stop());
afterAll(() => stage.dispose());

const dial = async (from: string, to: string, port: number, protocol: 'TCP' | 'UDP' = 'TCP') =>
  await stage.flat.clients.probe().dial({ from, sourcePort: 0, to: ip(to), port, protocol, timeoutMs: 1000 });

const web = present(
  'Service',
  service({
    ports: [servicePort(80), servicePort(53, { name: 'dns', protocol: 'UDP', nodePort: portOf(30053) })],
  }),
);
const ports = [
  { name: '', protocol: 'TCP' as const, port: portOf(PORT) },
  { name: 'dns', protocol: 'UDP' as const, port: portOf(PORT) },
];
const endpoints = present('EndpointSlice', slice([endpoint(PLACE)], { ports }));

/** `table chain: object` of the steps that have one. */
function objectsOf({ steps }: { readonly steps: RunningTrace['packets'][number]['steps'] }): string[] {
  return steps.flatMap(({ hook, chain, object }) => (object === null ? [] : [`${hook} ${chain}: ${object}`]));
}

describe('what a packet did', () => {
  test('pod to ClusterIP: every step with its object, before and after, as explain said; and the reply', async () => {
    await stage.start([...pods, natPool, web, endpoints]);
    const trace = await RunningTrace.begin({
      from: 'pod/shop/web-0',
      to: 'svc/shop/web:80',
      count: '2',
      replies: 'true',
    });
    expect(trace.lines[0]).toMatchObject({
      event: 'started',
      source: POD,
      destination: '10.96.0.10:80',
      explained: { verdict: 'dnat', endpoints: [`${PLACE}:${PORT}`], snat: 'node' },
    });
    await dial(POD, '10.96.0.10', 80);
    await trace.ended;
    const [first, reply] = trace.packets;
    expect(first).toMatchObject({
      ...{ number: 1, protocol: 'TCP', details: 'SYN', isReply: false, in: 'eth0', out: 'cni0' },
      before: { source: expect.stringMatching(`^${POD}:`), destination: '10.96.0.10:80' },
      after: { source: expect.stringMatching(`^${NODE}:`), destination: `${PLACE}:${PORT}` },
      outcome: { kind: 'left', text: 'left by cni0' },
      explained: { verdict: 'dnat' },
      differs: null,
      incomplete: false,
    });
    expect(first?.connection).toMatchObject({ state: 'new', direction: 'original' });
    expect(objectsOf(first ?? { steps: [] })).toEqual([
      'prerouting prerouting_nat: Service shop/web',
      'postrouting postrouting_nat: IPPool pods',
      'postrouting egress_pools: IPPool pods',
      'postrouting egress_masquerade: IPPool pods',
    ]);
    expect(first?.steps.find(({ chain }) => chain === 'prerouting_nat')).toMatchObject({
      table: 'ip knat',
      rule: 'dnat to ip daddr . meta l4proto . th dport map @endpoints_single',
      verdict: 'accept',
      ours: true,
    });
    expect(reply).toMatchObject({
      details: 'SYN ACK',
      isReply: true,
      before: { source: `${PLACE}:${PORT}` },
      after: { source: '10.96.0.10:80', destination: first?.before.source },
      connection: { id: first?.connection?.id, direction: 'reply' },
      outcome: { kind: 'left', text: 'left by eth0' },
      differs: null,
    });
    expect(trace.lines.at(-1)).toMatchObject({ event: 'end', because: 'count', packets: 2 });
    expect(listRuleset()).not.toContain('knat_trace');
  });

  test('UDP to a NodePort, from outside', async () => {
    await stage.start([...pods, natPool, web, endpoints]);
    const trace = await RunningTrace.begin({ from: CLIENT, to: `${NODE}:30053`, proto: 'udp', count: '1' });
    await dial(CLIENT, NODE, 30053, 'UDP');
    await trace.ended;
    const [packet] = trace.packets;
    expect(packet).toMatchObject({
      protocol: 'UDP',
      after: { source: expect.stringMatching(`^${NODE}:`), destination: `${PLACE}:${PORT}` },
      differs: null,
    });
    expect(objectsOf(packet ?? { steps: [] })).toContain('postrouting masquerade_service: Service shop/web');
  });

  test('a pod to the outside by an EgressRule', async () => {
    await stage.start([
      ...pods,
      natPool,
      present('EgressRule', egressRuleFact({ name: 'partner', action: 'Snat', addresses: [PUBLIC] })),
    ]);
    const trace = await RunningTrace.begin({ from: 'pod/shop/web-0', to: `${PLACE}:${PORT}`, count: '1' });
    await dial(POD, PLACE, PORT);
    await trace.ended;
    const [packet] = trace.packets;
    expect(packet).toMatchObject({
      after: { source: expect.stringMatching(`^${PUBLIC}:`), destination: `${PLACE}:${PORT}` },
      differs: null,
    });
    expect(objectsOf(packet ?? { steps: [] }).join()).toContain('egress_rules: EgressRule partner');
  });

  test('a bound pod: in by its binding, out with its address', async () => {
    const entry = { interfaceAuto: false, sourceIP: PUBLIC, destinationPort: portOf(PORT) };
    const bound = pod([natEntry(entry)], { namespace: 'shop', name: 'web-0', ips: [PLACE] });
    await stage.start([present('Pod', bound)]);
    const trace = await RunningTrace.begin({ from: CLIENT, to: `${PUBLIC}:25`, count: '1' });
    await dial(CLIENT, PUBLIC, 25);
    await trace.ended;
    expect(trace.packets[0]).toMatchObject({
      after: { source: expect.stringMatching(`^${CLIENT}:`), destination: `${PLACE}:${PORT}` },
      differs: null,
    });
    expect(objectsOf(trace.packets[0] ?? { steps: [] })).toEqual(['prerouting translate: Pod shop/web-0']);
  });

  test('IPv6', async () => {
    await stage.start([...pods, natPool]);
    const trace = await RunningTrace.begin({
      ...{ from: POD6, to: `[${PLACE6}]:${PORT}`, proto: 'udp', count: '1' },
    });
    await dial(POD6, PLACE6, PORT, 'UDP');
    await trace.ended;
    expect(trace.packets[0]).toMatchObject({
      before: { source: expect.stringMatching(`^\\[${POD6}\\]:`), destination: `[${PLACE6}]:${PORT}` },
      outcome: { kind: 'left' },
      differs: null,
    });
  });

  test('ICMP: an echo request and its answer', async () => {
    await stage.start([...pods, natPool]);
    const trace = await RunningTrace.begin({
      ...{ from: POD, to: PLACE, proto: 'icmp', count: '2', replies: 'true' },
    });
    await stage.flat.clients.runToEnd(['ping', '-n', '-c', '1', '-W', '2', '-I', POD, PLACE]);
    await trace.ended;
    expect(trace.packets).toMatchObject([
      {
        ...{ protocol: 'ICMP', details: 'type 8 code 0', before: { source: POD, destination: PLACE } },
        ...{ after: { source: NODE, destination: PLACE }, compared: true, differs: null },
        explained: { verdict: 'snat', snat: 'node' },
      },
      {
        details: 'type 0 code 0',
        isReply: true,
        after: { source: PLACE, destination: POD },
        explained: null,
      },
    ]);
  });

  test('given to this node, and sent by it', async () => {
    await stage.start([...pods, natPool]);
    const trace = await RunningTrace.begin({ from: CLIENT, to: `${NODE}:9`, count: '1' });
    await dial(CLIENT, NODE, 9);
    await trace.ended;
    expect(trace.packets[0]).toMatchObject({ outcome: { kind: 'delivered' }, out: null, differs: null });
    const own = await RunningTrace.begin({ from: NODE, to: `${PLACE}:${PORT}`, count: '1' });
    await stage.flat.node
      .probe()
      .dial({ from: NODE, sourcePort: 0, to: PLACE, port: PORT, protocol: 'TCP', timeoutMs: 1000 });
    await own.ended;
    expect(own.packets[0]).toMatchObject({ in: null, out: 'cni0', outcome: { kind: 'left' }, differs: null });
  });
});

describe('who dropped it', () => {
  afterEach(() => execFileSync('nft', ['-f', '-'], { input: 'add table ip other\ndelete table ip other\n' }));

  test('a rule of another table, with its text; explain knows it too', async () => {
    await stage.start([...pods, natPool]);
    nft(`table ip other {
      chain guard {
        type filter hook forward priority 0; policy accept
        ip daddr 198.51.100.0/24 tcp dport { 7000-7010, 9000 } ct state new drop comment "no partners"
      }
    }`);
    const trace = await RunningTrace.begin({ from: 'pod/shop/web-0', to: `${PLACE}:${PORT}`, count: '1' });
    await dial(POD, PLACE, PORT);
    await trace.ended;
    expect(trace.packets[0]).toMatchObject({
      outcome: {
        kind: 'dropped',
        text: 'dropped by table ip other, chain guard: ip daddr 198.51.100.0/24 tcp dport { 7000-7010, 9000 } ct state new drop comment "no partners"',
        object: null,
      },
      explained: {
        way: expect.stringContaining('(chain guard of table ip other): ip daddr 198.51.100.0/24'),
      },
      ...{ compared: true, differs: null },
    });
    expect(trace.packets[0]?.steps.at(-1)).toMatchObject({ hook: 'forward', ours: false, verdict: 'drop' });
  });

  test('the policy of another chain, and a reject', async () => {
    await stage.start([...pods, natPool]);
    nft('table ip other { chain guard { type filter hook forward priority 0; policy drop; }; }');
    const trace = await RunningTrace.begin({ from: POD, to: `${PLACE}:${PORT}`, count: '1' });
    await dial(POD, PLACE, PORT);
    await trace.ended;
    expect(trace.packets[0]?.outcome.text).toBe('dropped by table ip other, chain guard: policy drop');
    nft('flush chain ip other guard\nadd rule ip other guard reject with tcp reset');
    const again = await RunningTrace.begin({ from: POD, to: `${PLACE}:${PORT}`, count: '1' });
    await dial(POD, PLACE, PORT);
    await again.ended;
    expect(again.packets[0]?.outcome).toMatchObject({
      kind: 'rejected',
      text: 'rejected by table ip other, chain guard: meta l4proto tcp reject with tcp reset',
    });
  });

  test('iptables-nft', async () => {
    await stage.start([...pods, natPool]);
    const iptables = (...words: string[]) => execFileSync('iptables-nft', words);
    iptables('-N', 'NO-PARTNERS');
    iptables('-A', 'FORWARD', '-j', 'NO-PARTNERS');
    iptables(
      ...['-A', 'NO-PARTNERS', '-p', 'tcp', '--dport', String(PORT), '-m', 'comment', '--comment', 'by hand'],
      ...['-j', 'REJECT'],
    );
    try {
      const trace = await RunningTrace.begin({ from: POD, to: `${PLACE}:${PORT}`, count: '1' });
      await dial(POD, PLACE, PORT);
      await trace.ended;
      expect(trace.packets[0]?.outcome.kind).toBe('rejected');
      expect(trace.packets[0]?.outcome.text).toMatch(
        /^rejected by table ip filter, chain NO-PARTNERS: .*dport 7000.*by hand.*(reject|REJECT)/,
      );
      expect(trace.packets[0]?.steps.map(({ chain }) => chain)).toContain('FORWARD');
    } finally {
      iptables('-F');
      iptables('-X');
    }
  });

  test('ours: a Service without endpoints; as explain said', async () => {
    await stage.start([...pods, natPool, web]);
    const trace = await RunningTrace.begin({ from: POD, to: 'svc/shop/web:80', count: '1' });
    await dial(POD, '10.96.0.10', 80);
    await trace.ended;
    expect(trace.packets[0]).toMatchObject({
      outcome: { kind: 'rejected', object: 'Service shop/web' },
      explained: { verdict: 'reject' },
      differs: null,
    });
    expect(trace.packets[0]?.outcome.text).toBe(
      'rejected by table ip knat, chain refuse: meta l4proto tcp reject with tcp reset (Service shop/web)',
    );
  });

  test('what explain cannot see: it differs, loudly', async () => {
    await stage.start([...pods, natPool]);
    const trace = await RunningTrace.begin({ from: POD, to: `${PLACE}:${PORT}`, proto: 'udp', count: '1' });
    const script = `
      const socket = require('node:dgram').createSocket('udp4');
      const [address, source, port] = process.argv.slice(1);
      socket.bind(0, source, () => {
        socket.setTTL(1);
        socket.send('x', port, address, () => socket.close());
      });`;
    await stage.flat.clients.run([process.execPath, '-e', script, PLACE, POD, String(PORT)]);
    await trace.ended;
    const [packet] = trace.packets;
    expect(packet).toMatchObject({ outcome: { kind: 'gone' }, compared: true });
    expect(packet?.differs).toMatch(
      /^explain says (?:192\.0\.2\.10|an address of this node) → 198\.51\.100\.80:7000, by cni0; the packet was not seen after prerouting/,
    );
  });

  test('no route: gone after prerouting; --dropped leaves others out', async () => {
    await stage.start([...pods, natPool]);
    execFileSync('ip', ['route', 'add', 'blackhole', '198.51.100.99/32']);
    try {
      const trace = await RunningTrace.begin({
        from: POD,
        to: '198.51.100.99:80',
        count: '1',
        dropped: 'true',
      });
      await dial(POD, '198.51.100.99', 80);
      await trace.ended;
      expect(trace.packets[0]).toMatchObject({
        outcome: {
          kind: 'gone',
          text: expect.stringContaining('not seen after prerouting: routing dropped it'),
        },
        ...{ compared: true, differs: null },
      });
    } finally {
      execFileSync('ip', ['route', 'del', 'blackhole', '198.51.100.99/32']);
    }
    const trace = await RunningTrace.begin({
      ...{ from: POD, to: `${PLACE}:${PORT}`, seconds: '1', dropped: 'true' },
    });
    await dial(POD, PLACE, PORT);
    await trace.ended;
    expect(trace.packets).toEqual([]);
    expect(trace.lines.at(-1)).toMatchObject({ event: 'end', because: 'time', packets: 0 });
  });
});
