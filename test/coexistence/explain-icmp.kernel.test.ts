/**
 * ICMP beside rules of other programs: echo requests, echo replies and errors about translated connections meet them as explain
 * says, or explain said that it depends.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { existingFlows } from '../../src/agent/existing-flows.ts';
import { explainQuery, explainSeen } from '../../src/agent/explain-query.ts';
import { kernelJourney } from '../../src/agent/other-rules.ts';
import { describeWalk } from '../../src/explain/describe.ts';
import { plainText } from '../../src/explain/lines.ts';
import type { Journey } from '../../src/explain/others/journey.ts';
import type { PacketQuestion } from '../../src/forms/questions.ts';
import { formatEndpoint, type IpAddress } from '../../src/net/address.ts';
import type { Family } from '../../src/net/family.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { ip, localAddress, nodeFacts, pool, present } from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';

const nodes = { IPv4: ip('192.168.9.1'), IPv6: ip('fd00:9::1') };
const lan = { IPv4: ip('192.168.9.20'), IPv6: ip('fd00:9::20') };
const router = { IPv4: ip('192.168.9.30'), IPv6: ip('fd00:9::30') };
const pods = { IPv4: ip('10.244.1.7'), IPv6: ip('fd00:244::7') };
const other = { IPv4: ip('10.244.1.8'), IPv6: ip('fd00:244::8') };
const own = Object.values(nodes);
const signal = new AbortController().signal;

/** Tables of the test; ours stay. */
const FOREIGN = ['inet odd', 'ip odd', 'ip6 odd', 'ip filter', 'ip6 filter'];

let stage: Stage;
let planner: Planner;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: own,
    sources: [...Object.values(lan), ...Object.values(router)],
    targets: [
      ...Object.values(lan).map((address) => ({ address, protocol: 'TCP' as const, port: 80 })),
      ...Object.values(other).map((address) => ({ address, protocol: 'TCP' as const, port: 80 })),
    ],
    behindPods: [...Object.values(pods), ...Object.values(other)],
  });
  // The kernel limits how many errors it sends; here each one is looked for.
  execFileSync('sysctl', ['-qw', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0']);
  planner = new Planner(
    nodeFacts({ localAddresses: own.map((address) => localAddress(address)), nodeIPs: own }),
    defaultPlanOptions,
  );
  planner.apply([
    present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
    present('IPPool', pool('pods6', 'fd00:244::/32', { natOutgoing: true })),
  ]);
  await stage.datapath.converge(planner.update(), signal);
});
afterAll(() => stage.dispose());
afterEach(() => {
  for (const table of FOREIGN) nft(`add table ${table}\ndelete table ${table}`);
  for (const program of ['iptables-legacy', 'ip6tables-legacy'])
    for (const all of ['-F', '-X']) execFileSync(program, ['-w', '10', '-t', 'filter', all]);
});

async function asked(question: PacketQuestion) {
  return await explainSeen(planner, explainQuery(planner, question), existingFlows, (packet) =>
    kernelJourney(planner.plan, planner.heldNode, packet),
  );
}

/** What explain is certain of, or `depends`. */
function certain(journey: Journey | null): {
  fate: string;
  source?: IpAddress | null;
  by?: string | undefined;
} {
  const [end, ...others] = journey?.ends ?? [];
  if (end === undefined || others.length > 0 || journey?.limits.length !== 0) return { fate: 'depends' };
  const { course, fate } = end;
  if (course.assumed.length > 0 || fate.kind === 'unknown') return { fate: 'depends' };
  if (fate.kind === 'sent' || fate.kind === 'delivered')
    return { fate: 'sent', source: course.packet.source };
  return { fate: fate.kind, by: fate.by?.text };
}

/** `icmp` in IPv4 is `icmpv6` in IPv6, and so on, as each program writes it. */
function forFamily(family: Family, script: string): string {
  if (family === 'IPv4') return script;
  return script
    .replaceAll('-p icmp', '-p ipv6-icmp')
    .replaceAll('-m icmp', '-m icmp6')
    .replaceAll('--icmp-type', '--icmpv6-type')
    .replaceAll('icmp type', 'icmpv6 type')
    .replaceAll('icmp code', 'icmpv6 code')
    .replaceAll('icmp id', 'icmpv6 id')
    .replaceAll('l4proto icmp', 'l4proto icmpv6');
}

const forward = (rules: string) =>
  `table inet odd {\nchain forward {\ntype filter hook forward priority 0\n${rules}\n}\n}`;

const input = (rules: string) =>
  `table inet odd {\nchain input {\ntype filter hook input priority 0; policy drop;\nct state established,related accept\n${rules}\n}\n}`;

/** Without it, no neighbour is found. */
const NEIGHBOURS = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept';

type Told = 'depends' | 'dropped' | 'rejected' | 'sent';

const passing: readonly (readonly [name: string, script: string, told: Told])[] = [
  ['a type', forward('icmp type echo-request drop'), 'dropped'],
  ['another type', forward('icmp type time-exceeded drop'), 'sent'],
  ['type and code in one load', forward('icmp type echo-request icmp code 0 drop'), 'dropped'],
  ['type and another code', forward('icmp type echo-request icmp code 1 drop'), 'sent'],
  ['a set of types', forward('icmp type { echo-request, time-exceeded } reject'), 'rejected'],
  ['a map of types', forward('icmp type vmap { echo-request : drop, time-exceeded : accept }'), 'dropped'],
  ['the identifier', forward('icmp id > 0 drop'), 'depends'],
  ['the protocol', forward('meta l4proto icmp reject with icmpx type admin-prohibited'), 'rejected'],
  ['what stands where a port would', forward('th dport 0-65534 drop'), 'depends'],
  ['ports of TCP', forward('tcp dport 0-65535 drop'), 'sent'],
  ['the state', forward('ct state new meta l4proto icmp drop'), 'dropped'],
  ['only answers', forward('ct state established,related accept\nmeta l4proto icmp drop'), 'dropped'],
];

const entering: readonly (readonly [name: string, script: string, told: Told])[] = [
  ['a firewall that lets pings in', input(`icmp type echo-request accept\n${NEIGHBOURS}`), 'sent'],
  ['a firewall that does not', input(NEIGHBOURS), 'dropped'],
  [
    'firewalld with a block of echo requests',
    input(`icmp type { echo-request } reject with icmpx type admin-prohibited\n${NEIGHBOURS}`),
    'rejected',
  ],
];

const iptablesCases: readonly (readonly [name: string, rules: readonly string[], told: Told])[] = [
  ['a type', ['-A FORWARD -p icmp -m icmp --icmp-type echo-request -j DROP'], 'dropped'],
  ['a number', ['-A FORWARD -p icmp -m icmp --icmp-type 254 -j DROP'], 'sent'],
  ['not a type', ['-A FORWARD -p icmp -m icmp ! --icmp-type 254 -j DROP'], 'dropped'],
  ['the protocol', ['-A FORWARD -p icmp -j REJECT'], 'rejected'],
  ['another protocol', ['-A FORWARD -p tcp -j DROP'], 'sent'],
  [
    'ufw',
    [
      '-N ufw-before-forward',
      '-A FORWARD -j ufw-before-forward',
      '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A ufw-before-forward -p icmp -m icmp --icmp-type time-exceeded -j ACCEPT',
      '-A ufw-before-forward -p icmp -m icmp --icmp-type echo-request -j ACCEPT',
      '-A FORWARD -j DROP',
    ],
    'sent',
  ],
  [
    'ufw without pings',
    [
      '-N ufw-before-forward',
      '-A FORWARD -j ufw-before-forward',
      '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A ufw-before-forward -p icmp -m icmp --icmp-type time-exceeded -j ACCEPT',
      '-A FORWARD -j DROP',
    ],
    'dropped',
  ],
];

describe.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
  const ping = { from: pods[family], proto: 'icmp' };

  async function seen(to: IpAddress, told: Told, source = pods[family]): Promise<string> {
    const waits = told === 'dropped' ? 350 : 2000;
    const outcome = await stage.ping(source, to, waits);
    if (typeof outcome !== 'string') return 'sent';
    return outcome === 'refused' ? 'rejected' : 'dropped';
  }

  test.each([
    ...passing.map((one) => [...one, lan[family]] as const),
    ...entering.map((one) => [...one, nodes[family]] as const),
  ])('echo request: %s', async (_, script, told, end) => {
    nft(forFamily(family, script));
    const { journey } = await asked({ ...ping, to: end });
    expect(certain(journey).fate).toBe(told);
    const happened = await seen(end, told);
    if (told !== 'depends') expect(happened).toBe(told);
  });

  for (const flavour of ['nft', 'legacy'] as const) {
    test.each(iptablesCases)(`echo request, iptables-${flavour}: %s`, async (_, rules, told) => {
      const program = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${flavour}`;
      for (const rule of rules) execFileSync(program, ['-w', '10', ...forFamily(family, rule).split(' ')]);
      const { journey } = await asked({ ...ping, to: lan[family] });
      expect(certain(journey).fate).toBe(told);
      expect(await seen(lan[family], told)).toBe(told);
    });
  }

  test('a translation of pings by another program', async () => {
    const word = family === 'IPv4' ? 'ip' : 'ip6';
    nft(
      forFamily(
        family,
        `table ${word} odd { chain c { type nat hook prerouting priority -110; meta l4proto icmp ${word} daddr ${nodes[family]} dnat to ${other[family]};\n}\nchain d { type nat hook postrouting priority 90; meta l4proto icmp ${word} daddr ${other[family]} masquerade\n}\n}`,
      ),
    );
    const { journey, walk } = await asked({ from: lan[family], to: nodes[family], proto: 'icmp' });
    expect(certain(journey).fate).toBe('sent');
    const [end] = journey?.ends ?? [];
    expect(end?.course.packet.destination).toBe(other[family]);
    const outcome = await stage.ping(lan[family], nodes[family], 2000, other[family]);
    // IPv6 masquerades with an address that routing chooses: here one of the link.
    const saw = end?.course.packet.source ?? (outcome as { saw: IpAddress }).saw;
    expect(outcome).toEqual({ saw });
    const text = describeWalk(walk, [], false, journey).map(plainText).join('\n');
    expect(text).toContain(`→ ${other[family]}, leaves by cni0`);
    expect(text).not.toContain(':0');
  });

  test('a set of type hash:ip,port has the type and code of a ping', async () => {
    const ipset = (line: string) => execFileSync('ipset', line.split(' '));
    const [six, proto] = family === 'IPv4' ? ['', 'icmp'] : [' family inet6', 'icmpv6'];
    ipset(`create pings hash:ip,port${six}`);
    const program = family === 'IPv4' ? 'iptables-nft' : 'ip6tables-nft';
    try {
      ipset(`add pings ${pods[family]},${proto}:echo-request`);
      execFileSync(program, [
        '-w',
        '10',
        ...'-A FORWARD -m set --match-set pings src,dst -j DROP'.split(' '),
      ]);
      const { journey } = await asked({ ...ping, to: lan[family] });
      expect(certain(journey).fate).toBe('dropped');
      expect(await seen(lan[family], 'dropped')).toBe('dropped');
      expect(certain((await asked({ ...ping, from: other[family], to: lan[family] })).journey).fate).toBe(
        'sent',
      );
      expect(await seen(lan[family], 'sent', other[family])).toBe('sent');
    } finally {
      execFileSync(program, ['-w', '10', '-F']);
      ipset('destroy');
    }
  });

  test('policy routing by protocol', async () => {
    const rule = [family === 'IPv4' ? '-4' : '-6', 'rule'];
    const proto = family === 'IPv4' ? 'icmp' : 'ipv6-icmp';
    execFileSync('ip', [...rule, 'add', 'pref', '1000', 'ipproto', proto, 'iif', 'cni0', 'prohibit']);
    try {
      expect(certain((await asked({ ...ping, to: lan[family] })).journey).fate).toBe('rejected');
      expect(await seen(lan[family], 'rejected')).toBe('rejected');
    } finally {
      execFileSync('ip', [...rule, 'del', 'pref', '1000']);
    }
  });

  test('an echo reply is dropped where the request was not', async () => {
    nft(forFamily(family, forward('icmp type echo-reply counter drop')));
    expect(certain((await asked({ ...ping, to: lan[family] })).journey).fate).toBe('sent');
    forgetConnections();
    expect(await stage.ping(pods[family], lan[family], 350)).toBe('silence');
    const { journey, walk } = await asked({ from: lan[family], to: nodes[family], icmp: 'echo-reply' });
    expect(certain(journey).fate).toBe('dropped');
    const text = describeWalk(walk, [], false, journey).map(plainText).join(' ').replaceAll(/\s+/g, ' ');
    expect(text).toContain('dropped by a rule of another program (chain forward of table inet odd)');
    expect(journey?.ends[0]?.course.packet.destination).toBe(pods[family]);
  });

  describe('errors', () => {
    const errorCases: readonly (readonly [
      name: string,
      script: string,
      told: 'sent' | 'dropped',
      known: boolean,
    ])[] = [
      ['no rule', '', 'sent', true],
      [
        'only what is related passes',
        forward('ct state related accept\nmeta l4proto icmp drop'),
        'sent',
        true,
      ],
      ['related is dropped', forward('ct state related drop'), 'dropped', true],
      ['the type is dropped', forward('icmp type time-exceeded drop'), 'dropped', true],
      ['another type is dropped', forward('icmp type destination-unreachable drop'), 'sent', true],
      ['the protocol of the connection', forward('ct protocol tcp meta l4proto icmp drop'), 'dropped', true],
      ['the direction', forward('ct direction reply ct status snat meta l4proto icmp drop'), 'dropped', true],
      ['the first destination', 'ORIGINAL', 'dropped', true],
      ['without a connection, state invalid', forward('ct state invalid drop'), 'dropped', false],
      [
        'without a connection, state related',
        forward('ct state related,new,established drop'),
        'sent',
        false,
      ],
    ];

    test.each(errorCases)('%s', async (_, script, told, known) => {
      const word = family === 'IPv4' ? 'ip' : 'ip6';
      const rules =
        script === 'ORIGINAL'
          ? forward(`ct original ${word} daddr ${lan[family]} meta l4proto icmp drop`)
          : script;
      nft(forFamily(family, rules));
      const inner = known ? await opened() : { from: pods[family], fromPort: 4242 };
      const to = known ? pods[family] : inner.from;
      const { journey } = await asked({
        from: router[family],
        icmp: 'time-exceeded',
        innerFrom: formatEndpoint(inner.from, inner.fromPort),
        innerTo: formatEndpoint(lan[family], 80),
      });
      expect(certain(journey).fate).toBe(told);
      const type = family === 'IPv4' ? [11, 0] : [3, 0];
      expect(await arrives(to, [...type, 6, inner.from, inner.fromPort, lan[family], 80])).toBe(told);
    });

    /** Opens a connection; returns the sender as the other end sees it. */
    async function opened(): Promise<{ from: IpAddress; fromPort: number }> {
      const dialled = { source: pods[family], address: lan[family], protocol: 'TCP', port: 80 } as const;
      expect(await stage.dial(dialled, 2000)).toMatchObject({ outcome: 'answered' });
      const conntrack = new ConntrackConnection();
      const found = conntrack.entries({
        family,
        original: { src: pods[family], dst: lan[family], dport: 80 },
      });
      conntrack.close();
      const newest = found.sort((a, b) => b.original.sport - a.original.sport)[0];
      if (newest === undefined) throw new Error('no entry');
      return { from: newest.reply.dst, fromPort: newest.reply.dport };
    }

    /** Whether the error comes to the host of this address. */
    async function arrives(to: IpAddress, words: readonly (string | number)[]): Promise<'sent' | 'dropped'> {
      const proto = family === 'IPv4' ? 'icmp type time-exceeded' : 'icmpv6 type time-exceeded';
      const table = `table inet errors {\nchain seen {\ntype filter hook prerouting priority -400; policy accept;\n${proto} counter\n}\n}`;
      await stage.nftOf(to, ['-f', '-'], table);
      const count = async () => {
        const listed = await stage.nftOf(to, ['list', 'table', 'inet', 'errors']);
        return /packets 1 /.test(listed);
      };
      await stage.sendIcmpError(router[family], words);
      let isSeen = await count();
      for (let left = 10; left > 0 && !isSeen; left--) {
        await new Promise((done) => setTimeout(done, 30));
        isSeen = await count();
      }
      await stage.nftOf(to, ['delete', 'table', 'inet', 'errors']);
      return isSeen ? 'sent' : 'dropped';
    }
  });
});
