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
import { familyOf } from '../net/address.ts';
import { defaultPlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import { describeWalk } from './describe.ts';
import type { ExistingFlow } from './existing.ts';
import { hintsOf } from './hints.ts';
import { errorWalk, unknownAnswer } from './icmp-walk.ts';
import { walkJson } from './json.ts';
import { plainText } from './lines.ts';
import { packetOfQuestion } from './question.ts';
import { type Walk, walk } from './walk.ts';

const node = nodeFacts();
const own = node.nodeIPs.find((address) => familyOf(address) === 'IPv4') ?? ip('192.0.2.1');
const planner = new Planner(node, defaultPlanOptions);
planner.apply([
  present('Service', service()),
  present('EndpointSlice', slice(['10.244.1.5'])),
  present('Pod', pod([natEntry({ sourcePort: portOf(25) })])),
  present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
]);
const plan = planner.update();
const bound = planner.pods.values().next().value?.ips[0] ?? ip('10.244.1.7');

function pinged(from: string, to: string): Walk {
  const packet = packetOfQuestion({ from, to, proto: 'icmp' }, planner);
  if (typeof packet === 'string') throw new Error(packet);
  const walked = walk(plan, planner.heldNode, packet);
  return { ...walked, hints: hintsOf(planner, walked) };
}

const inOneLine = (walked: Walk) => describeWalk(walked).map(plainText).join(' ').replace(/ +/g, ' ');

describe('an echo request', () => {
  test('to a ClusterIP is refused, and the Service has only ports', () => {
    const walked = pinged('10.244.1.9', '10.96.0.10');
    expect(walked.verdict).toBe('reject');
    expect(inOneLine(walked)).toContain('ICMP echo-request 10.244.1.9 → 10.96.0.10, seen on');
    expect(inOneLine(walked)).toContain('no host has it, so nobody answers a ping');
    expect(inOneLine(walked)).toContain('Hint Service shop/web: has 80/TCP of this address');
  });

  test('to an address of the node is answered by the node, whatever is bound there', () => {
    const walked = pinged('198.51.100.9', String(own));
    expect(walked.verdict).toBe('none');
    expect(inOneLine(walked)).toContain('which answers the ping itself');
  });

  test('of a bound pod leaves as its pool says, and a hint says why', () => {
    const walked = pinged(String(bound), '198.51.100.9');
    expect(walked.paths[0]?.snat).toBe('node');
    expect(walkJson(walked)).toMatchObject({
      packet: { protocol: 'ICMP', port: 0, icmp: 'echo-request', inner: null },
    });
    expect(walkJson(walked).paths[0]?.endpoint).toBe('198.51.100.9');
    expect(walked.hints).toMatchObject([
      { about: 'icmp', text: expect.stringContaining('for protocols with ports') },
    ]);
  });

  test('over IPv6 is ICMPv6', () => {
    expect(pinged('2001:db8:9::9', '2001:db8:9::80').packet.protocol).toBe('ICMPv6');
  });
});

describe('an error', () => {
  const inner = { innerFrom: `${own}:40123`, innerTo: '198.51.100.10:443' };
  const packet = packetOfQuestion({ from: '203.0.113.1', icmp: 'time-exceeded', ...inner }, planner);
  if (typeof packet === 'string' || packet.icmp === undefined || !('inner' in packet.icmp))
    throw new Error('no error');
  const { icmp } = packet;

  test('goes to the sender of the packet inside', () => {
    expect(packet.destination).toBe(own);
  });

  test('without conntrack: not known, and said so', () => {
    const walked = unknownAnswer(node, packet, false);
    expect(walked.unknown).toContain('existing-connections');
    expect(inOneLine(walked)).toContain('Result not known here');
    expect(inOneLine(unknownAnswer(node, packet, true))).toContain(
      'conntrack knows no connection that it answers',
    );
  });

  const flow: ExistingFlow = {
    original: { src: ip('10.244.1.9'), sport: 41_000, dst: ip('198.51.100.10'), dport: 443 },
    reply: { src: ip('198.51.100.10'), sport: 443, dst: own, dport: 40_123 },
    timeoutSeconds: 100,
    direction: 'reply',
    asPlanned: false,
  };
  const names = { from: 'Pod shop/a', to: null, object: null };

  test('about a masqueraded packet goes to the pod, with the packet inside as it was sent', () => {
    const walked = errorWalk(node, packet, icmp, flow, names);
    expect(walked.paths[0]?.after).toMatchObject({ source: '203.0.113.1', destination: '10.244.1.9' });
    expect(inOneLine(walked)).toContain('connection TCP 10.244.1.9:41000 (Pod shop/a) → 198.51.100.10:443');
    expect(inOneLine(walked)).toContain('the packet inside becomes TCP 10.244.1.9:41000 → 198.51.100.10:443');
  });

  test('about a packet to a Service seems to come from the Service', () => {
    const original = { ...flow.original, dst: ip('10.96.0.10'), dport: 80 };
    const walked = errorWalk(node, packet, icmp, { ...flow, original }, names);
    expect(walked.paths[0]?.after).toMatchObject({ source: '10.96.0.10', destination: '10.244.1.9' });
  });
});
