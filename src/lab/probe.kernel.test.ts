/** The probe tells apart what a packet filter can do to a connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import type { DialOutcome } from './probe-messages.ts';
import { removeStale } from './removal.ts';

const ADDRESSES = {
  IPv4: { left: '192.0.2.1', alsoLeft: '192.0.2.3', right: '192.0.2.2' },
  IPv6: { left: '2001:db8::1', alsoLeft: '2001:db8::3', right: '2001:db8::2' },
} as const;

let lab: Lab;
let left: Host;
let right: Host;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  const [first, second] = await lab.addHosts(['left', 'right']);
  if (!first || !second) throw new Error('no hosts');
  left = first;
  right = second;
  await left.ip([`link add eth0 type veth peer name eth0 netns ${right.namespace}`]);
  const { IPv4, IPv6 } = ADDRESSES;
  await left.ip([...plug(IPv4.left, IPv6.left), ...plug(IPv4.alsoLeft, IPv6.alsoLeft)]);
  await right.ip(plug(IPv4.right, IPv6.right));
});

afterAll(() => lab.dispose());

beforeEach(async () => {
  await right.run(['nft', 'flush ruleset']);
  await left.run(['nft', 'flush ruleset']);
  await right.probe().silence();
});

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const { left: from, alsoLeft, right: to } = ADDRESSES[family];
  const table = family === 'IPv4' ? 'ip' : 'ip6';
  const bracketed = (address: string) => (family === 'IPv6' ? `[${address}]` : address);

  describe.each(['TCP', 'UDP'] as const)('%s', (protocol) => {
    const dial = (
      more: { timeoutMs?: number; from?: string; sourcePort?: number } = {},
    ): Promise<DialOutcome> => left.probe().dial({ to, port: 80, protocol, ...more });
    test('answered: by whom, and whom it saw', async () => {
      await right.probe().serve({ port: 80, protocol, name: 'the right one' });
      expect(await dial({ from: alsoLeft, sourcePort: 4711 })).toEqual({
        outcome: 'answered',
        by: 'the right one',
        sawSource: `${bracketed(alsoLeft)}:4711`,
        from: `${bracketed(alsoLeft)}:4711`,
      });
    });

    test('held: silence is measured, and the end of the connection is reported', async () => {
      await right.probe().serve({ address: to, port: 80, protocol, echo: true });
      const release = await left.probe().hold({ to, port: 80, protocol });
      await right.run([
        'nft',
        `add table ${table} t; add chain ${table} t c { type filter hook input priority 0; }`,
      ]);
      await right.run(['nft', `add rule ${table} t c meta l4proto ${protocol.toLowerCase()} drop`]);
      await sleep(400);
      await right.run(['nft', 'flush ruleset']);
      await sleep(500);
      const report = await release();
      expect(report).toMatchObject({ ended: null });
      expect(report.longestSilenceMs).toBeGreaterThan(350);
      expect(report.answers).toBeGreaterThan(5);
    });

    test('held: no answer', async () => {
      await expect(left.probe().hold({ to, port: 81, protocol })).rejects.toThrow('ECONNREFUSED');
    });

    test('answered without a name: by the address and port that were reached', async () => {
      await right.probe().serve({ address: to, port: 80, protocol });
      expect(await dial()).toMatchObject({ by: `${bracketed(to)}:80` });
    });

    test('whom the listener saw is not whom the dialler is, behind a translation', async () => {
      await right.probe().serve({ port: 80, protocol });
      await load(
        left,
        table,
        'nat hook postrouting',
        `meta l4proto { tcp, udp } snat to ${bracketed(alsoLeft)}:9`,
      );
      expect(await dial({ from, sourcePort: 4712 })).toMatchObject({
        sawSource: `${bracketed(alsoLeft)}:9`,
        from: `${bracketed(from)}:4712`,
      });
    });

    test('refused: no listener', async () => {
      expect(await dial()).toEqual({ outcome: 'refused', how: 'ECONNREFUSED' });
    });

    test('refused: rejected with ICMP port unreachable, every time', async () => {
      await load(right, 'inet', 'filter hook input', 'meta l4proto { tcp, udp } reject');
      expect(await dial()).toEqual({ outcome: 'refused', how: 'ECONNREFUSED' });
      const tally = await left.probe().dialMany(64, { to, port: 80, protocol });
      expect(tally).toMatchObject({ refused: 64 });
    });

    test('timeout: dropped', async () => {
      await right.probe().serve({ port: 80, protocol });
      await load(right, 'inet', 'filter hook input', 'meta l4proto { tcp, udp } drop');
      expect(await dial({ timeoutMs: 200 })).toEqual({ outcome: 'timeout' });
    });

    test('unreachable: no route', async () => {
      const nowhere = family === 'IPv4' ? '198.51.100.1' : '2001:db8:198::1';
      expect(await left.probe().dial({ to: nowhere, port: 80, protocol })).toEqual({
        outcome: 'unreachable',
        how: 'ENETUNREACH',
      });
    });

    test('a source of someone else is a mistake, not an outcome', async () => {
      await expect(dial({ from: to })).rejects.toThrow('EADDRNOTAVAIL');
    });

    test('a port that is taken is a mistake', async () => {
      await right.probe().serve({ port: 80, protocol });
      await expect(right.probe().serve({ port: 80, protocol })).rejects.toThrow('EADDRINUSE');
    });

    test('many dials: who answered how often', async () => {
      for (const port of [80, 81, 82]) await right.probe().serve({ address: to, port, protocol });
      const pick = 'redirect to : numgen inc mod 3 map { 0 : 80, 1 : 81, 2 : 82 }';
      await load(right, table, 'nat hook prerouting', `meta l4proto { tcp, udp } ${pick}`);
      const tally = await left.probe().dialMany(30, { from, to, port: 80, protocol });
      const at = bracketed(to);
      expect(tally).toEqual({
        answeredBy: { [`${at}:80`]: 10, [`${at}:81`]: 10, [`${at}:82`]: 10 },
        sawSources: [from],
        refused: 0,
        timeout: 0,
        unreachable: 0,
      });
    });
  });
});

test('refused: rejected with a TCP reset', async () => {
  await load(right, 'inet', 'filter hook input', 'meta l4proto tcp reject with tcp reset');
  for (const { right: to } of Object.values(ADDRESSES)) {
    const outcome = await left.probe().dial({ to, port: 80, protocol: 'TCP', timeoutMs: 500 });
    expect(outcome).toEqual({ outcome: 'refused', how: 'ECONNREFUSED' });
  }
});

test('a listener on every address answers from the one that was dialled', async () => {
  await left.probe().serve({ port: 80, protocol: 'UDP' });
  const { left: first, alsoLeft } = ADDRESSES.IPv4;
  for (const to of [first, alsoLeft]) {
    expect(await right.probe().dial({ to, port: 80, protocol: 'UDP' })).toMatchObject({ by: `${to}:80` });
  }
  await left.probe().silence();
});

test('SCTP is not pretended', async () => {
  const sctp = { port: 80, protocol: 'SCTP' } as const;
  await expect(right.probe().serve(sctp)).rejects.toThrow('SCTP');
  await expect(left.probe().dial({ to: ADDRESSES.IPv4.right, ...sctp })).rejects.toThrow('SCTP');
});

function plug(v4: string, v6: string): readonly string[] {
  return [`link set eth0 up`, `address add ${v4}/24 dev eth0`, `address add ${v6}/64 dev eth0 nodad`];
}

/** Loads one chain with one rule. */
async function load(host: Host, table: 'ip' | 'ip6' | 'inet', type: string, rule: string): Promise<void> {
  await host.run(
    ['nft', '-f', '-'],
    `table ${table} test {\n chain test {\n type ${type} priority 0\n ${rule}\n }\n}\n`,
  );
}
