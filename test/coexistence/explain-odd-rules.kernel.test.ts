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
async function said(
  source: IpAddress,
  destination: IpAddress,
  protocol: 'TCP' | 'SCTP' = 'TCP',
): Promise<string> {
  const packet = { source, destination, protocol, port: portOf(80) } as const;
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

const XT: readonly (readonly [name: string, rules: readonly string[], told: 'depends' | 'certain'])[] = [
  ['u32', ['-A FORWARD -m u32 --u32 6&0xFF=0x6 -j DROP'], 'depends'],
  ['bpf', ['-A FORWARD -m bpf --bytecode 1,6_0_0_65535 -j DROP'], 'depends'],
  ['string', ['-A FORWARD -m string --algo bm --string GET -j DROP'], 'depends'],
  ['recent', ['-A FORWARD -m recent --name seen --rcheck -j DROP'], 'depends'],
  [
    'recent that remembers',
    ['-A FORWARD -m recent --name seen --set', '-A FORWARD -m recent --name seen --rcheck -j DROP'],
    'depends',
  ],
  [
    'hashlimit',
    ['-A FORWARD -m hashlimit --hashlimit-above 1/hour --hashlimit-name h --hashlimit-mode srcip -j DROP'],
    'depends',
  ],
  ['connlimit', ['-A FORWARD -p tcp -m connlimit --connlimit-above 0 -j DROP'], 'depends'],
  ['a limit', ['-A FORWARD -m limit --limit 1/hour -j DROP'], 'depends'],
  ['a DSCP', ['-A FORWARD -m dscp --dscp 0 -j DROP'], 'depends'],
  [
    'a TOS that a rule set',
    ['-t mangle -A PREROUTING -j TOS --set-tos 0x10', '-A FORWARD -m tos --tos 0x10 -j DROP'],
    'depends',
  ],
  ['an owner of what is forwarded', ['-t mangle -A POSTROUTING -m owner --uid-owner 0 -j DROP'], 'certain'],
  ['a status', ['-A FORWARD -p tcp --syn -m conntrack --ctstatus CONFIRMED -j DROP'], 'certain'],
  ['no status', ['-A FORWARD -m conntrack ! --ctstatus CONFIRMED -j DROP'], 'certain'],
  ['a port of the original direction', ['-A FORWARD -m conntrack --ctorigdstport 80 -j DROP'], 'certain'],
];

for (const flavour of ['nft', 'legacy'] as const) {
  test.each(XT)(`iptables-${flavour}: %s`, async (_, rules, expected) => {
    const program = `iptables-${flavour}`;
    try {
      for (const rule of rules)
        execFileSync(program, ['-w', '10', ...rule.split(' ').map((word) => word.replaceAll('_', ' '))]);
      const before = await said(pods.IPv4, lan.IPv4);
      const happened = await seen(pods.IPv4, lan.IPv4);
      expect(before).toBe(expected === 'certain' ? happened : 'depends');
    } finally {
      for (const table of ['filter', 'mangle']) execFileSync(program, ['-w', '10', '-t', table, '-F']);
    }
  });
}

test.each([
  ['a range of ports', 'INPUT', '-p sctp -m sctp --dport 7:79 -j DROP', 'sent'],
  ['a port', 'INPUT', '-p sctp -m sctp --dport 80 -j DROP', 'dropped'],
  ['not a port', 'INPUT', '-p sctp -m sctp ! --dport 80 -j DROP', 'sent'],
  ['a chunk', 'INPUT', '-p sctp -m sctp --chunk-types any DATA -j DROP', 'depends'],
] as const)('SCTP, %s', async (_, chain, rule, expected) => {
  for (const program of ['iptables-nft', 'iptables-legacy']) {
    execFileSync(program, ['-w', '10', '-A', chain, ...rule.split(' ')]);
    try {
      expect(`${program}: ${await said(pods.IPv4, nodes.IPv4, 'SCTP')}`).toBe(`${program}: ${expected}`);
    } finally {
      execFileSync(program, ['-w', '10', '-F', chain]);
    }
  }
});

/** `ip` and what to undo. The clean-up of one case must not fail for another. */
function ipDo(lines: readonly string[]): void {
  for (const line of lines) execFileSync('ip', line.split(' '));
}

const routing: readonly (readonly [
  name: string,
  add: readonly string[],
  del: readonly string[],
  from: 'pod' | 'node',
  told: 'depends' | 'certain',
])[] = [
  ['a TOS', ['rule add pref 1000 tos 0x10 blackhole'], ['rule del pref 1000'], 'pod', 'depends'],
  ['a user', ['rule add pref 1000 uidrange 7-8 blackhole'], ['rule del pref 1000'], 'node', 'depends'],
  [
    'a user, forwarded',
    ['rule add pref 1000 uidrange 7-8 blackhole'],
    ['rule del pref 1000'],
    'pod',
    'certain',
  ],
  [
    'a source port',
    ['rule add pref 1000 ipproto tcp sport 7-65000 blackhole'],
    ['rule del pref 1000'],
    'pod',
    'depends',
  ],
  ['a port', ['rule add pref 1000 ipproto tcp dport 80 blackhole'], ['rule del pref 1000'], 'pod', 'certain'],
  [
    'another port',
    ['rule add pref 1000 ipproto tcp dport 81 blackhole'],
    ['rule del pref 1000'],
    'pod',
    'certain',
  ],
  [
    'a second uplink',
    [
      'link add up2 type bridge',
      'link set up2 up',
      'route add 192.168.9.0/24 dev up2 table 77',
      'rule add pref 1000 iif cni0 lookup 77',
    ],
    ['rule del pref 1000', 'link del up2'],
    'pod',
    'certain',
  ],
];

test.each(routing)('policy routing by %s', async (name, add, del, from, expected) => {
  ipDo(add);
  try {
    const source = from === 'pod' ? pods.IPv4 : nodes.IPv4;
    const before = await said(source, lan.IPv4);
    const happened = await seen(source, lan.IPv4);
    // What goes out by the second uplink is sent, and lost there.
    const foretold = expected === 'depends' ? 'depends' : name === 'a second uplink' ? 'sent' : happened;
    expect(before).toBe(foretold);
  } finally {
    ipDo(del);
  }
});

test('a strict rp_filter drops what comes in by another interface than its sender is reached by', async () => {
  execFileSync('sysctl', ['-qw', 'net.ipv4.conf.cni0.rp_filter=1']);
  ipDo([`route add ${pods.IPv4} dev eth0 table 78`, `rule add pref 1000 to ${pods.IPv4} lookup 78`]);
  try {
    const packet = { source: pods.IPv4, destination: lan.IPv4, protocol: 'TCP', port: portOf(80) } as const;
    const asked = { packet: { ...packet, inputInterface: 'cni0' }, flow: 'new' } as const;
    const { ends } = await kernelJourney(planner.plan, planner.heldNode, asked);
    expect(ends.map(({ fate }) => fate.kind)).toEqual(['dropped']);
    expect(await seen(pods.IPv4, lan.IPv4)).toBe('dropped');
  } finally {
    ipDo(['rule del pref 1000', 'route flush table 78']);
    execFileSync('sysctl', ['-qw', 'net.ipv4.conf.cni0.rp_filter=0']);
  }
});

test.each([
  ['NETMAP', '-t nat -A PREROUTING -d 192.168.77.0/24 -j NETMAP --to 192.168.9.0/24', '192.168.77.20'],
  ['a zone of conntrack', '-t raw -A PREROUTING -i cni0 -j CT --zone 7', '192.168.9.20'],
])('%s', async (_, rule, dialled) => {
  for (const program of ['iptables-nft', 'iptables-legacy']) {
    const words = rule.split(' ');
    execFileSync(program, ['-w', '10', ...words]);
    try {
      const packet = {
        source: pods.IPv4,
        destination: ip(dialled),
        protocol: 'TCP',
        port: portOf(80),
      } as const;
      const { ends } = await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' });
      expect(ends.map(({ fate, course }) => [fate.kind, course.packet.destination, course.assumed])).toEqual([
        ['sent', lan.IPv4, []],
      ]);
      expect(await seen(pods.IPv4, ip(dialled))).toBe('sent');
    } finally {
      execFileSync(program, ['-w', '10', ...words.slice(0, 2), '-F']);
    }
  }
});

test.each(['IPv4', 'IPv6'] as const)(
  '%s: what the node sends to itself is confirmed when it comes in',
  async (family) => {
    for (const [status, fate] of [
      ['confirmed', 'dropped'],
      ['seen-reply', 'sent'],
    ] as const) {
      nft(
        `table inet odd { chain c { type filter hook input priority 0; ct state new tcp dport 80 ct status & ${status} == ${status} drop\n}\n}`,
      );
      const before = await said(nodes[family], nodes[family]);
      expect([status, before, await seen(nodes[family], nodes[family])]).toEqual([status, fate, fate]);
      nft('flush ruleset');
    }
  },
);
