/**
 * Rules of other programs beside ours: what explain says about a packet is what the kernel does to it. The rules are written as
 * these programs write them.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { existingFlows } from '../../src/agent/existing-flows.ts';
import { explainQuery, explainSeen } from '../../src/agent/explain-query.ts';
import { foreignDifferences, kernelJourney } from '../../src/agent/other-rules.ts';
import { KernelRuleset } from '../../src/datapath/coexistence/kernel-ruleset.ts';
import { describeWalk } from '../../src/explain/describe.ts';
import { plainText } from '../../src/explain/lines.ts';
import { isPortPacket } from '../../src/explain/packet.ts';
import type { FactChange } from '../../src/model/facts.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { ConntrackConnection } from '../../src/wire/conntrack/connection.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, localAddress, nodeFacts, pool, portOf, present } from '../generators/build.ts';
import { forgetConnections } from '../netns/connections.ts';
import { nft } from '../netns/namespace.ts';
import { Stage } from '../netns/stage.ts';

const signal = new AbortController().signal;
const nodeIP = ip('192.168.9.1');
const lanHost = ip('192.168.9.20');
const podA = ip('10.244.1.7');

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.build();
  await stage.setUp({
    nodeAddresses: [nodeIP],
    sources: [lanHost],
    targets: [
      { address: lanHost, protocol: 'TCP', port: 80 },
      { address: podA, protocol: 'TCP', port: 8080 },
    ],
    behindPods: [podA],
  });
});
afterAll(() => stage.dispose());
afterEach(() => nft('flush ruleset'));

const disabledLan: readonly FactChange[] = [
  present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true })),
  present('IPPool', pool('lan', '192.168.0.0/16', { disabled: true })),
];

async function planOf(facts: readonly FactChange[]) {
  const planner = new Planner(
    nodeFacts({ localAddresses: [localAddress(nodeIP)], nodeIPs: [nodeIP] }),
    defaultPlanOptions,
  );
  planner.apply(facts);
  const plan = planner.update();
  await stage.datapath.converge(plan, signal);
  return planner;
}

/** One way only, without an assumption: where it ends, and as whom. */
async function told(planner: Planner, source = podA, destination = lanHost, port = 80) {
  const packet = { source, destination, protocol: 'TCP', port: portOf(port) } as const;
  const { ends, limits } = await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' });
  expect(limits).toEqual([]);
  expect(ends).toHaveLength(1);
  const [end] = ends;
  if (end === undefined) throw new Error('no end');
  expect(end.course.assumed).toEqual([]);
  return {
    fate: end.fate.kind,
    source: end.course.packet.source,
    met: end.course.met.map(({ rule }) => `${rule.chain}: ${rule.text}`),
  };
}

async function described(planner: Planner, source = podA, destination = lanHost, port = 80) {
  const walked = explainQuery(planner, { from: source, to: destination, port: String(port) });
  const { packet } = walked;
  if (!isPortPacket(packet)) throw new TypeError('a packet with a port was asked for');
  const journey = await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' });
  return describeWalk(walked, [], false, journey).map(plainText).join('\n');
}

async function seen(source = podA, address = lanHost, port = 80) {
  const outcome = await stage.dial({ source, address, protocol: 'TCP', port }, 1500);
  return outcome.outcome === 'answered' ? outcome.sawSource.replace(/:\d+$/, '') : outcome.outcome;
}

describe('flannel masquerades the pods towards everything else', () => {
  const flannel = (run: (line: string) => void) => {
    run('-N FLANNEL-POSTRTG');
    run('-A POSTROUTING -m comment --comment flanneld -j FLANNEL-POSTRTG');
    run('-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment flanneld -j RETURN');
    run('-A FLANNEL-POSTRTG -s 10.244.1.0/24 -d 10.244.0.0/16 -m comment --comment flanneld -j RETURN');
    run('-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment flanneld -j RETURN');
    run('-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment flanneld -j RETURN');
    run(
      '-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment flanneld -j MASQUERADE --random-fully',
    );
    run(
      '-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment flanneld -j MASQUERADE --random-fully',
    );
  };

  test('without it, the source stays', async () => {
    const planner = await planOf(disabledLan);
    expect(await told(planner)).toEqual({ fate: 'sent', source: podA, met: [] });
    expect(await seen()).toBe(podA);
  });

  test('status has a finding, and what it says to do helps', async () => {
    const planner = await planOf(disabledLan);
    flannel((line) => execFileSync('iptables-nft', ['-w', '10', '-t', 'nat', ...line.split(' ')]));
    const [difference, ...more] = await foreignDifferences(planner);
    expect(more).toEqual([]);
    expect(difference?.message).toBe(
      'flannel gives packets of pods in 10.244.0.0/16 (IPPool pods) to 192.168.0.0/16 (IPPool lan) the source 192.168.9.1, where knat leaves it as it is: chain FLANNEL-POSTRTG of table ip nat, ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 -m comment --comment "flanneld" counter -j MASQUERADE --random-fully',
    );
    const [, commands] = /nft '([^']+)'/.exec(difference?.remedy ?? '') ?? [];
    nft((commands ?? '').replaceAll('; add', '\nadd'));
    expect(await foreignDifferences(planner)).toEqual([]);
    expect(await told(planner)).toEqual({ fate: 'sent', source: podA, met: [] });
    expect(await seen()).toBe(podA);
  });

  test('nf_tables', async () => {
    const planner = await planOf(disabledLan);
    nft(`table ip flannel-ipv4 {
      chain postrtg {
        type nat hook postrouting priority srcnat; policy accept;
        meta mark & 0x4000 == 0x4000 return
        ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return
        ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 return
        ip saddr != 10.244.1.0/24 ip daddr 10.244.0.0/16 return
        ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
        ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 masquerade fully-random
      }
    }`);
    expect(await told(planner)).toMatchObject({ fate: 'sent', source: nodeIP });
    expect(await described(planner)).toContain('flannel (chain postrtg of table ip flannel-ipv4)');
    expect(await seen()).toBe(nodeIP);
  });

  test('iptables-legacy, read without its program', async () => {
    const planner = await planOf(disabledLan);
    flannel((line) => execFileSync('iptables-legacy', ['-w', '10', '-t', 'nat', ...line.split(' ')]));
    try {
      expect(await told(planner)).toEqual({
        fate: 'sent',
        source: nodeIP,
        met: [
          'FLANNEL-POSTRTG: -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld" -j MASQUERADE --random-fully',
        ],
      });
      expect(await seen()).toBe(nodeIP);
    } finally {
      for (const all of ['-F', '-X']) execFileSync('iptables-legacy', ['-w', '10', '-t', 'nat', all]);
    }
  });

  test('iptables-nft', async () => {
    const planner = await planOf(disabledLan);
    flannel((line) => execFileSync('iptables-nft', ['-w', '10', '-t', 'nat', ...line.split(' ')]));
    const { fate, source } = await told(planner);
    expect({ fate, source }).toEqual({ fate: 'sent', source: nodeIP });
    expect(await seen()).toBe(nodeIP);
    expect(await described(planner)).toMatchInlineSnapshot(`
      "TCP 10.244.1.7 → 192.168.9.20:80, seen on node node-a

      prerouting   no Service and no Pod NAT binding for this destination: it stays
      postrouting  IPPool pods
                   natOutgoing, but the destination is in IPPool lan
      postrouting  flannel (chain FLANNEL-POSTRTG of table ip nat)
                   ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 -m comment --comment
                   "flanneld" counter -j MASQUERADE --random-fully
                   the source becomes 192.168.9.1

      Result       192.168.9.1 → 192.168.9.20:80, leaves by eth0; masqueraded by
                   flannel (chain FLANNEL-POSTRTG of table ip nat)
                   the sender sees the reply from 192.168.9.20:80
                   in by cni0 (the interface by which the sender is reached)"
    `);
  });
});

test('a reply of a known connection meets rules, too', async () => {
  const planner = await planOf([present('IPPool', pool('pods', '10.244.0.0/16', { natOutgoing: true }))]);
  nft(
    'table inet odd { chain c { type filter hook forward priority 0; iifname "eth0" ct state established ct direction reply tcp sport 80 drop; }\n}',
  );
  forgetConnections();
  expect(await seen()).toBe('timeout');
  const conntrack = new ConntrackConnection();
  const [entry] = conntrack.entries({ family: 'IPv4', original: { src: podA, dst: lanHost, dport: 80 } });
  conntrack.close();
  const question = { from: `${lanHost}:80`, to: nodeIP, port: String(entry?.reply.dport) };
  const { journey } = await explainSeen(
    planner,
    explainQuery(planner, question),
    existingFlows,
    async (asked) => await kernelJourney(planner.plan, planner.heldNode, asked),
  );
  expect(journey?.ends).toMatchObject([
    { fate: { kind: 'dropped', by: { chain: 'c' } }, course: { assumed: [], packet: { destination: podA } } },
  ]);
});

describe('ipsets', () => {
  const ipset = (line: string) => execFileSync('ipset', line.split(' '));
  afterEach(() => {
    for (const all of ['-F', '-X']) execFileSync('iptables-nft', ['-w', '10', '-t', 'filter', all]);
    ipset('destroy');
  });

  test.each([
    ['hash:net', 'src', ['10.244.1.0/24'], true],
    ['hash:net', 'dst', ['10.244.1.0/24'], false],
    ['hash:ip,port', 'src,dst', ['10.244.1.7,tcp:80'], true],
    ['hash:ip,port', 'src,dst', ['10.244.1.7,udp:80'], false],
    ['hash:net,port', 'dst,dst', ['192.168.9.0/24,tcp:80'], true],
    ['hash:ip,port,net', 'src,dst,dst', ['10.244.1.7,80,192.168.0.0/16'], true],
    ['bitmap:port range 0-1024', 'dst', ['80'], true],
    ['hash:net,iface', 'src,src', ['10.244.0.0/16,cni0'], true],
    ['hash:net,iface', 'src,src', ['10.244.0.0/16,eth0'], false],
  ] as const)('%s by %s', async (type, directions, members, drops) => {
    const planner = await planOf(disabledLan);
    ipset(`create members ${type}`);
    for (const member of members) ipset(`add members ${member}`);
    const rule = `-A FORWARD -p tcp -m set --match-set members ${directions} -m conntrack --ctstate NEW -j DROP`;
    execFileSync('iptables-nft', ['-w', '10', ...rule.split(' ')]);
    expect((await told(planner)).fate).toBe(drops ? 'dropped' : 'sent');
    const { outcome } = await stage.dial(
      { source: podA, address: lanHost, protocol: 'TCP', port: 80 },
      drops ? 350 : 1500,
    );
    expect(outcome).toBe(drops ? 'timeout' : 'answered');
  });
});

test('a table with 100,000 rules holds nothing up, and is told', async () => {
  const planner = await planOf(disabledLan);
  const rules = Array.from(
    { length: 100_000 },
    (_, at) => `ip saddr 172.16.${(at >> 8) & 255}.${at & 255} drop`,
  );
  nft(`table ip large {
    chain passing {
      type filter hook forward priority 0; policy accept;
      ${rules.join('\n')}
    }
  }`);
  const { ruleSteps } = NftablesConnection.prototype;
  let read = 0;
  vi.spyOn(NftablesConnection.prototype, 'ruleSteps').mockImplementation(function (
    this: NftablesConnection,
    family,
    table,
    chain,
    visit,
  ) {
    return ruleSteps.call(this, family, table, chain, (rule) => {
      read++;
      visit(rule);
    });
  });
  let turns = 0;
  const count = () => {
    turns++;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  const packet = { source: podA, destination: lanHost, protocol: 'TCP', port: portOf(80) } as const;
  const { ends, limits } = await kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' });
  clearImmediate(handle);
  vi.restoreAllMocks();
  // As many as are examined, and what the kernel gave at once beside them.
  expect(read).toBeGreaterThan(50_000);
  expect(read).toBeLessThan(52_000);
  expect(turns).toBeGreaterThan(100);
  expect(limits).toEqual(['chain passing of table ip large is too large to be examined']);
  expect(ends).toMatchObject([{ fate: { kind: 'unknown' } }]);
});

test('examinations for many askers never overlap', async () => {
  const planner = await planOf(disabledLan);
  nft('table ip site { chain c { type filter hook forward priority 0; tcp dport 80 counter; }\n}');
  const open = KernelRuleset.open.bind(KernelRuleset);
  let [opened, now, most] = [0, 0, 0];
  vi.spyOn(KernelRuleset, 'open').mockImplementation(async (...asked) => {
    opened++;
    now++;
    most = Math.max(most, now);
    const ruleset = await open(...asked);
    const close = ruleset.close.bind(ruleset);
    ruleset.close = () => {
      now--;
      close();
    };
    return ruleset;
  });
  const packet = { source: podA, destination: lanHost, protocol: 'TCP', port: portOf(80) } as const;
  const journeys = await Promise.all([
    ...Array.from({ length: 8 }, () =>
      kernelJourney(planner.plan, planner.heldNode, { packet, flow: 'new' }),
    ),
    foreignDifferences(planner),
  ]);
  vi.restoreAllMocks();
  expect(journeys).toHaveLength(9);
  expect({ opened, now, most }).toEqual({ opened: 9, now: 0, most: 1 });
});
