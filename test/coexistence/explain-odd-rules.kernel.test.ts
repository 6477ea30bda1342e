/**
 * Rules that few write, beside ours: where explain is certain, the kernel does what it says; else it says that it depends.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { kernelJourney } from '../../src/agent/other-rules.ts';
import type { IpAddress } from '../../src/net/address.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ip, localAddress, nodeFacts, portOf } from '../generators/build.ts';
import { nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';

const nodes = { IPv4: ip('192.168.9.1'), IPv6: ip('fd00:9::1') };
const lan = { IPv4: ip('192.168.9.20'), IPv6: ip('fd00:9::20') };
const pods = { IPv4: ip('10.244.1.7'), IPv6: ip('fd00:10:244::7') };
const own = Object.values(nodes);

let stage: Stage;
let planner: Planner;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: own,
    sources: Object.values(lan),
    targets: Object.values(lan).map((address) => ({ address, protocol: 'TCP', port: 80 })),
    behindPods: Object.values(pods),
  });
  await stage.listen(
    [...Object.values(lan), ...own].map((address) => ({ address, protocol: 'TCP', port: 80 })),
  );
  planner = new Planner(
    nodeFacts({ localAddresses: own.map((address) => localAddress(address)), nodeIPs: own }),
    defaultPlanOptions,
  );
  planner.update();
});
afterAll(() => stage.dispose());
afterEach(() => nft('flush ruleset'));

/** What explain is certain of, or `depends`. */
async function said(source: IpAddress, destination: IpAddress): Promise<string> {
  const packet = { source, destination, protocol: 'TCP', port: portOf(80) } as const;
  const { ends, limits } = await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' });
  const isOpen = ends.some(({ course, fate }) => course.assumed.length > 0 || fate.kind === 'unknown');
  if (isOpen || limits.length > 0) return 'depends';
  return [...new Set(ends.map(({ fate }) => (fate.kind === 'delivered' ? 'sent' : fate.kind)))].join();
}

async function seen(source: IpAddress, address: IpAddress): Promise<string> {
  const { outcome } = await stage.dial({ source, address, protocol: 'TCP', port: 80 }, 700);
  return outcome === 'answered' ? 'sent' : outcome === 'refused' ? 'rejected' : 'dropped';
}

const forward = (rules: string, more = '') =>
  `table inet odd {\n${more}\nchain forward {\ntype filter hook forward priority 0\n${rules}\n}\n}`;

const cases: readonly (readonly [name: string, script: string, told: 'depends' | 'certain'])[] = [
  [
    'an option of the segment behind a port',
    forward('tcp dport 80 tcp option maxseg size 500-1500 drop'),
    'depends',
  ],
  ['an option that is there', forward('tcp dport 80 tcp option sack-perm exists drop'), 'depends'],
  ['a route’s field behind a port', forward('tcp dport 80 rt mtu > 100 drop'), 'depends'],
  ['the kind of an interface behind its name', forward('iifname "cni0" meta iifkind "veth" drop'), 'depends'],
  [
    'a meter',
    forward(
      'tcp dport 80 update @m { th dport limit rate over 1000/second } drop',
      'set m { type inet_service; flags dynamic; size 8; }',
    ),
    'depends',
  ],
  [
    'a set that the packet itself fills',
    forward(
      'add @m { tcp dport } counter\ntcp dport @m drop',
      'set m { type inet_service; flags dynamic; size 8; }',
    ),
    'depends',
  ],
  [
    'a set that is full',
    forward(
      'add @m { th dport } drop',
      'set m { type inet_service; flags dynamic; size 1; elements = { 9 } }',
    ),
    'depends',
  ],
  [
    'chains of one priority in one table',
    `table inet odd {
    chain first { type filter hook forward priority 0; meta mark 7 drop; }
    chain second { type filter hook forward priority 0; meta mark set 7; } }`,
    'certain',
  ],
  [
    'chains of one priority in one table, the other way round',
    `table inet odd {
    chain second { type filter hook forward priority 0; meta mark set 7; }
    chain first { type filter hook forward priority 0; meta mark 7 drop; } }`,
    'certain',
  ],
  [
    'chains of one priority in two tables',
    `add table inet a
    add table inet b
    add chain inet b c { type filter hook forward priority 0; }
    add rule inet b c meta mark set 7
    add chain inet a c { type filter hook forward priority 0; }
    add rule inet a c meta mark 7 drop`,
    'depends',
  ],
  [
    'ingress of an interface',
    `table netdev odd { chain c { type filter hook ingress device "cni0" priority 0; tcp dport 80 drop; } }`,
    'depends',
  ],
  [
    'ingress of inet',
    `table inet odd { chain c { type filter hook ingress device "cni0" priority 0; tcp dport 80 drop; } }`,
    'depends',
  ],
  [
    'egress of an interface',
    `table netdev odd { chain c { type filter hook egress device "eth0" priority 0; tcp dport 80 drop; } }`,
    'depends',
  ],
  [
    'a synproxy by its name',
    forward('tcp flags syn synproxy name "s"', 'synproxy s { mss 1460; wscale 7; }'),
    'depends',
  ],
  ['a quota by its name', forward('quota name "q" drop', 'quota q { over 1 bytes\n}'), 'depends'],
  [
    'ingress of another interface',
    `table netdev odd { chain c { type filter hook ingress device "lo" priority 0; tcp dport 80 drop; } }`,
    'certain',
  ],
  ['a time', forward('iifname "cni0" meta time > "2020-01-01 00:00:00" drop'), 'depends'],
  ['an hour', forward('iifname "cni0" meta hour >= "00:00" drop'), 'depends'],
  ['average of bytes', forward('iifname "cni0" ct original avgpkt > 1 drop'), 'depends'],
  [
    'a default of a map of intervals',
    forward('tcp dport vmap { 1-79 : accept, 81-90 : accept, * : drop }'),
    'certain',
  ],
  [
    'a concatenation of intervals',
    forward(
      'iifname . tcp dport . meta l4proto @m drop',
      'set m { typeof iifname . tcp dport . meta l4proto; flags interval, timeout; elements = { "cni0" . 70-90 . tcp timeout 1h }; }',
    ),
    'certain',
  ],
];

for (const family of ['IPv4', 'IPv6'] as const) {
  test.each(cases)(`${family}: %s`, async (_, script, expected) => {
    const source = pods[family];
    nft(script.replaceAll(/(\s*\})+$/gm, (ends) => ends.replaceAll('}', '\n}')));
    const before = await said(source, lan[family]);
    const happened = await seen(source, lan[family]);
    expect(before).toBe(expected === 'certain' ? happened : 'depends');
  });

  test(`${family}: a redirection by an interface without an address`, async () => {
    const f = family === 'IPv4' ? 'ip' : 'ip6';
    nft(
      `table ${f} odd { chain c { type nat hook prerouting priority -110; tcp dport 80 redirect to :80;\n}\n}`,
    );
    const before = await said(pods[family], lan[family]);
    // IPv6 has a link-local address there, at which nobody listens.
    const happened = family === 'IPv4' ? ['dropped', 'dropped'] : ['sent', 'rejected'];
    expect([before, await seen(pods[family], lan[family])]).toEqual(happened);
  });

  test(`${family}: a mark of type filter does not route again, one of type route does`, async () => {
    const f = family === 'IPv4' ? '-4' : '-6';
    execFileSync('ip', [f, 'rule', 'add', 'pref', '1000', 'fwmark', '7', 'blackhole']);
    try {
      for (const type of ['filter', 'route']) {
        nft(
          `table ${family === 'IPv4' ? 'ip' : 'ip6'} odd { chain c { type ${type} hook output priority 0; meta mark set 7;\n}\n}`,
        );
        const before = await said(nodes[family], lan[family]);
        expect(`${type} ${before}`).toBe(`${type} ${await seen(nodes[family], lan[family])}`);
        nft('flush ruleset');
      }
    } finally {
      execFileSync('ip', [f, 'rule', 'del', 'pref', '1000']);
    }
  });
}

test.each([
  [
    'the target SET fills it',
    ['-A FORWARD -j SET --add-set odd src', '-A FORWARD -m set --match-set odd src -j DROP'],
  ],
  ['how much it counted', ['-A FORWARD -m set --match-set filled src --packets-gt 0 -j DROP']],
] as const)('an ipset: %s', async (_, rules) => {
  const ipset = (line: string) => execFileSync('ipset', line.split(' '));
  ipset('create odd hash:ip');
  ipset('create filled hash:ip counters');
  ipset(`add filled ${pods.IPv4} packets 5`);
  try {
    for (const rule of rules) execFileSync('iptables-nft', ['-w', '10', ...rule.split(' ')]);
    expect(await said(pods.IPv4, lan.IPv4)).toBe('depends');
    expect(await seen(pods.IPv4, lan.IPv4)).toBe('dropped');
  } finally {
    nft('flush ruleset');
    ipset('destroy');
  }
});
