/**
 * A node with two uplinks, the second one's address routed by a separate table, as administrators set it up; each
 * provider drops packets with a source address of the other (BCP 38). Real packets, both families.
 */
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { forwarderSettings } from '../../src/lab/cabling.ts';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import { type IpAddress, parseAddress } from '../../src/net/address.ts';
import { knat, type Running, startKnat } from '../cli/knat.ts';

let lab: Lab;
let node: Host;
let world: Host;
let podA: Host;
let podB: Host;
let folder: string;
const running: Running[] = [];

const RULE = 'rule add pref 1000 from 198.51.100.7 lookup 77';
/** The administrator's routes and rules for the second uplink. */
async function addRules(): Promise<void> {
  await node.ip([RULE], '-4');
  await node.ip([RULE.replace('198.51.100.7', '2001:db8:b::7')], '-6');
}
/** The world's two providers: a packet that comes in by one must have an address of that one. */
const ANTISPOOFING = `table inet providers {
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname "isp0" ip saddr != 203.0.113.0/24 drop
    iifname "isp1" ip saddr != 198.51.100.0/24 drop
    iifname "isp0" ip6 saddr 2001:db8:b::/64 drop
    iifname "isp1" ip6 saddr 2001:db8:a::/64 drop
  }
}
`;

beforeAll(async () => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  const hosts = await lab.addHosts(['node', 'world', 'poda', 'podb']);
  [node, world, podA, podB] = hosts as [Host, Host, Host, Host];
  await node.sysctl(forwarderSettings);
  await node.ip([
    ...[0, 1].map((n) => `link add eth${n} type veth peer name isp${n} netns ${world.namespace}`),
    ...[podA, podB].map((pod) => `link add ${pod.name} type veth peer name eth0 netns ${pod.namespace}`),
    ...['lo', 'eth0', 'eth1', 'poda', 'podb'].map((name) => `link set ${name} up`),
    'addr add 203.0.113.7/24 dev eth0',
    'addr add 198.51.100.7/24 dev eth1',
    'addr add 2001:db8:a::7/64 dev eth0 nodad',
    'addr add 2001:db8:b::7/64 dev eth1 nodad',
    ...['poda', 'podb'].map((name) => `addr add 169.254.1.1/32 dev ${name}`),
    ...['poda', 'podb'].map((name) => `addr add fe80::1/64 dev ${name} nodad`),
    'route add 10.244.1.5 dev poda',
    'route add 10.244.1.6 dev podb',
    'route add fd00:244::5 dev poda',
    'route add fd00:244::6 dev podb',
  ]);
  await world.ip([
    ...['lo', 'isp0', 'isp1'].map((name) => `link set ${name} up`),
    'addr add 203.0.113.1/24 dev isp0',
    'addr add 198.51.100.1/24 dev isp1',
    'addr add 2001:db8:a::1/64 dev isp0 nodad',
    'addr add 2001:db8:b::1/64 dev isp1 nodad',
    'addr add 192.0.2.9/32 dev lo',
    'addr add 2001:db8:c::9/128 dev lo nodad',
  ]);
  for (const [pod, last] of [
    [podA, 5],
    [podB, 6],
  ] as const) {
    await pod.ip([
      'link set lo up',
      'link set eth0 up',
      `addr add 10.244.1.${last}/32 dev eth0`,
      `addr add fd00:244::${last}/128 dev eth0 nodad`,
      'route add 169.254.1.1 dev eth0',
      'route add default via 169.254.1.1',
      'route add default via fe80::1 dev eth0',
    ]);
  }
  await node.ip([
    'route add default via 203.0.113.1',
    'route add default via 198.51.100.1 table 77',
    'route add default via 2001:db8:a::1',
    'route add default via 2001:db8:b::1 table 77',
  ]);
  await world.run(['nft', '-f', '-'], ANTISPOOFING);
  for (const pod of [podA, podB]) {
    for (const address of pod === podA ? ['10.244.1.5', 'fd00:244::5'] : ['10.244.1.6', 'fd00:244::6']) {
      await pod.probe().serve({ address: at(address), protocol: 'TCP', port: 25 });
    }
  }
  for (const address of ['192.0.2.9', '2001:db8:c::9'])
    await world.probe().serve({ address: at(address), protocol: 'TCP', port: 80 });
});
afterAll(() => lab?.dispose());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'knat-uplinks-'));
  writeFileSync(join(folder, 'node.yaml'), 'apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n');
});
afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGTERM');
    await ended;
  }
  await knat(['cleanup'], { through: node.command([]) });
  await node.runToEnd(['ip', 'rule', 'del', 'pref', '1000']);
  await node.runToEnd(['ip', '-6', 'rule', 'del', 'pref', '1000']);
  rmSync(folder, { recursive: true, force: true });
});

function at(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(text);
  return address;
}

/** Pod `a` of both families, bound to port 25 of these addresses. */
function bind(...addresses: string[]): void {
  const entries = addresses.map((srcIP) => ({ ifaceAuto: false, srcIP, srcPort: 25, dstPort: 25 }));
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', uid: 'a', annotations: { 'bln.space/podnat': JSON.stringify({ entries }) } },
    spec: { nodeName: 'n1' },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.244.1.5' }, { ip: 'fd00:244::5' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
  writeFileSync(join(folder, 'pod.json'), JSON.stringify(pod));
}

async function start(): Promise<Running> {
  const args = [
    'agent',
    '--source',
    `dir:${folder}`,
    '--node',
    'n1',
    '--http-address=',
    '--metrics-address=',
  ];
  const agent = startKnat(args, { through: node.command([]) });
  running.push(agent);
  await agent.errorsHave('"programmed"');
  return agent;
}

/** Our rules, without their priorities. */
async function rules(): Promise<string[]> {
  const texts = await Promise.all(
    [['-4'], ['-6']].map((family) => node.run(['ip', '-details', ...family, 'rule', 'show'])),
  );
  return texts
    .join('')
    .trim()
    .split('\n')
    .filter((line) => line.includes(' proto 107'))
    .map((line) =>
      line
        .replace(/ proto 107/, '')
        .trim()
        .replace(/\s+/g, ' '),
    );
}
const pair = (pod: string, widest: number) => [
  `1000: from ${pod} lookup main suppress_prefixlength ${widest}`,
  `1000: from ${pod} lookup 77`,
];
const BOTH = [...pair('10.244.1.5', 1), ...pair('fd00:244::5', 3)];

const become = async (expected: readonly string[]) =>
  await vi.waitFor(async () => expect(await rules()).toEqual(expected), { timeout: 10_000, interval: 50 });

/** The host that answers the world at port 25 of the address. */
async function answer(to: string): Promise<string> {
  const from = at(to.includes(':') ? '2001:db8:c::9' : '192.0.2.9');
  const outcome = await world.probe().dial({ from, to: at(to), port: 25, protocol: 'TCP', timeoutMs: 3000 });
  return outcome.outcome === 'answered' ? outcome.by : outcome.outcome;
}

/** The source that the world sees of a connection that a pod starts. */
async function seen(host: Host, from: string, to: string, port: number): Promise<string> {
  const outcome = await host
    .probe()
    .dial({ from: at(from), to: at(to), port, protocol: 'TCP', timeoutMs: 3000 });
  return outcome.outcome === 'answered' ? outcome.sawSource.replace(/:\d+$/, '') : outcome.outcome;
}

describe('a binding on the second uplink', () => {
  beforeEach(async () => {
    // The world reaches each address of the node by its provider.
    await addRules();
    bind('198.51.100.7', '2001:db8:b::7');
  });

  test("answers by that uplink, and the pod's own connections leave by it", async () => {
    await start();
    await become(BOTH);
    expect(await answer('198.51.100.7')).toBe('10.244.1.5:25');
    expect(await answer('2001:db8:b::7')).toBe('[fd00:244::5]:25');
    expect(await seen(podA, '10.244.1.5', '192.0.2.9', 80)).toBe('198.51.100.7');
    expect(await seen(podA, 'fd00:244::5', '2001:db8:c::9', 80)).toBe('[2001:db8:b::7]');
    // Other pods, and pods that are not bound, are reached as before.
    expect(await seen(podA, '10.244.1.5', '10.244.1.6', 25)).toBe('10.244.1.5');
    expect(await seen(podB, '10.244.1.6', '10.244.1.5', 25)).toBe('10.244.1.6');
    expect(await seen(podA, 'fd00:244::5', 'fd00:244::6', 25)).toBe('[fd00:244::5]');
  });

  test('also with a strict reverse path filter', async () => {
    await node.sysctl({ 'net.ipv4.conf.eth1.rp_filter': 1 });
    await start();
    await become(BOTH);
    expect(await answer('198.51.100.7')).toBe('10.244.1.5:25');
    await node.sysctl({ 'net.ipv4.conf.eth1.rp_filter': 0 });
  });

  test('a restart changes no rule, and cleanup removes ours', async () => {
    const first = await start();
    await become(BOTH);
    first.process.kill('SIGTERM');
    await first.ended;
    expect(await rules()).toEqual(BOTH);
    const watching = node.spawn(['ip', 'monitor', 'rule']);
    let changes = '';
    watching.stdout?.on('data', (text: Buffer) => {
      changes += text.toString();
    });
    const second = await start();
    await vi.waitFor(async () => expect(await answer('198.51.100.7')).toBe('10.244.1.5:25'), 10_000);
    second.process.kill('SIGTERM');
    await second.ended;
    watching.kill();
    expect(changes).toBe('');
    const { output } = await knat(['cleanup'], { through: node.command([]) });
    expect(output).toContain('removed rule 1000: from 10.244.1.5 lookup 77');
    expect(await rules()).toEqual([]);
    expect(await node.run(['ip', 'rule'])).toContain('from 198.51.100.7 lookup 77');
  });

  test('rules that another program removes come back, in order', async () => {
    await start();
    await become(BOTH);
    for (const line of BOTH.slice(0, 2)) {
      await node.ip([`rule del pref ${line.replace(':', '')}`]);
      await become(BOTH);
    }
    await node.ip(['rule flush', 'rule add pref 32766 lookup main', RULE]);
    await become(BOTH);
    expect(await answer('198.51.100.7')).toBe('10.244.1.5:25');
  });

  test('the rules follow the administrator’s, and go with them and with the binding', async () => {
    await start();
    await become(BOTH);
    await node.ip(['rule del pref 1000 from 198.51.100.7'], '-4');
    await node.ip(['rule del pref 1000 from 2001:db8:b::7'], '-6');
    await become([]);
    await addRules();
    await become(BOTH);
    unlinkSync(join(folder, 'pod.json'));
    await become([]);
  });
});

test('a binding on the first uplink, or without such a rule, makes none', async () => {
  await addRules();
  bind('203.0.113.7', '2001:db8:a::7');
  await start();
  expect(await answer('203.0.113.7')).toBe('10.244.1.5:25');
  expect(await rules()).toEqual([]);
});

test('a pod that is bound to addresses of both uplinks is reported', async () => {
  await addRules();
  bind('203.0.113.7', '198.51.100.7');
  await start();
  await vi.waitFor(
    async () => {
      const { output } = await knat(['status'], { through: node.command([]) });
      expect(output.replace(/\s+/g, ' ')).toContain(
        'bindings on addresses of different uplinks (198.51.100.7 by table 77, 203.0.113.7 by table main)',
      );
    },
    { timeout: 10_000, interval: 200 },
  );
  expect(await rules()).toEqual([]);
});
