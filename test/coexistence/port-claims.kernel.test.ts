/**
 * Port mappings of other programs and bindings on one port, with real packets: rules as the CNI plugin
 * portmap, docker, podman (netavark) and an administrator write them, made before ours and after.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ForeignPorts } from '../../src/agent/foreign-ports.ts';
import { watchChains } from '../../src/datapath/coexistence/chain-watch.ts';
import { ForeignRules } from '../../src/datapath/coexistence/foreign-rules.ts';
import { defaultPlanOptions, defaultPodNatPolicy } from '../../src/plan/options.ts';
import { natEntry } from '../generators/build.ts';
import type { Stage } from '../netns/stage.ts';
import {
  ANSWER,
  address,
  answererOf,
  buildStage,
  type Name,
  PodNatNode,
  SIGNAL,
  smtp,
  there,
} from '../scenarios/pod-nat-scene.ts';

let stage: Stage;
let rules: ForeignRules;
beforeAll(async () => {
  stage = await buildStage();
});
beforeEach(() => {
  rules = new ForeignRules();
});
afterEach(() => rules.close());
afterAll(() => stage.dispose());

/** The administrator allows `takeover`. */
const options = { ...defaultPlanOptions, podNatPolicy: { ...defaultPodNatPolicy, takeover: true } };
const OTHER = '10.244.1.6:26';
const OTHER6 = '[fd00:244::6]:26';
const run = (line: string, input = '') =>
  execFileSync(line.split(' ')[0] ?? '', line.split(' ').slice(1), { input });

interface Mapping {
  /** Sends port 25 of this node to the other pod. */
  readonly make: () => void;
  readonly remove: () => void;
  readonly says: RegExp;
  readonly client: Name;
  readonly dialled: Name;
  readonly bound: string;
  readonly other: string;
}

const v4 = { client: 'client', dialled: 'public', bound: '10.244.1.5:25', other: OTHER } as const;
const v6 = { client: 'client6', dialled: 'public6', bound: '[fd00:244::5]:25', other: OTHER6 } as const;

/** What portmap writes: plugins/meta/portmap/portmap.go names the chains. */
function portmap(program: string, to: string): Pick<Mapping, 'make' | 'remove'> {
  const nat = (line: string) => run(`${program} -w 10 -t nat ${line}`);
  return {
    make: () => {
      for (const chain of ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-DN-0a1b2c']) nat(`-N ${chain}`);
      nat('-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT');
      nat(
        '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment x -m multiport --destination-ports 25 -j CNI-DN-0a1b2c',
      );
      nat('-A CNI-DN-0a1b2c -p tcp -m tcp --dport 25 -m mark --mark 1 -j CNI-HOSTPORT-SETMARK');
      nat(`-A CNI-DN-0a1b2c -p tcp -m tcp --dport 25 -j DNAT --to-destination ${to}`);
    },
    remove: () => {
      nat('-F');
      for (const chain of ['CNI-DN-0a1b2c', 'CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK']) nat(`-X ${chain}`);
    },
  };
}

/** What dockerd writes for `-p 25:26`. */
function docker(program: string): Pick<Mapping, 'make' | 'remove'> {
  const nat = (line: string) => run(`${program} -w 10 -t nat ${line}`);
  return {
    make: () => {
      nat('-N DOCKER');
      nat('-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER');
      nat('-A DOCKER -i docker0 -j RETURN');
      nat(`-A DOCKER ! -i docker0 -p tcp -m tcp --dport 25 -j DNAT --to-destination ${OTHER}`);
    },
    remove: () => {
      nat('-F');
      nat('-X DOCKER');
    },
  };
}

/** What netavark writes with its driver nftables, and portmap with its backend nftables. */
function native(table: string, lines: string): Pick<Mapping, 'make' | 'remove'> {
  return {
    make: () => run('nft -f -', `table inet ${table} {\n${lines}\n}\n`),
    remove: () => run(`nft delete table inet ${table}`),
  };
}
const netavark = `chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump NETAVARK-HOSTPORT-DNAT
}
chain NETAVARK-HOSTPORT-DNAT { tcp dport 25 jump nv_1_dnat
}
chain nv_1_dnat { ip saddr 10.88.0.0/16 tcp dport 25 counter
  tcp dport 25 dnat ip to ${OTHER}
}`;
const hostport = `chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump hostports
}
chain hostports { meta nfproto ipv6 tcp dport { 24-25, 587 } dnat ip6 to ${OTHER6}
}`;

const mappings: [name: string, mapping: Mapping][] = [
  [
    'portmap, iptables-nft',
    { ...portmap('iptables-nft', OTHER), ...v4, says: /portmap \(chain CNI-DN-0a1b2c of iptables-nft/ },
  ],
  [
    'portmap, iptables-legacy',
    { ...portmap('iptables-legacy', OTHER), ...v4, says: /portmap \(chain CNI-DN-0a1b2c of iptables-legacy/ },
  ],
  [
    'portmap, ip6tables-nft',
    { ...portmap('ip6tables-nft', OTHER6), ...v6, says: /portmap .* of ip6tables-nft/ },
  ],
  [
    'docker, iptables-nft',
    { ...docker('iptables-nft'), ...v4, says: /docker \(chain DOCKER of iptables-nft\)/ },
  ],
  [
    'netavark',
    {
      ...native('netavark', netavark),
      ...v4,
      says: /podman \(netavark\) \(chain nv_1_dnat of table inet netavark\)/,
    },
  ],
  [
    'portmap, nftables',
    {
      ...native('cni_hostport', hostport),
      ...v6,
      says: /portmap \(chain hostports of table inet cni_hostport\)/,
    },
  ],
];

const podA = (takeover: boolean) =>
  there(smtp({ ips: [address.podA, address.podA6] }, [natEntry({ takeover })]));

describe.each(mappings)('%s', (name, { make, remove, says, client, dialled, bound, other }) => {
  const ask = async () => await answererOf(stage, client, dialled, 25, 'TCP', undefined, ANSWER);

  beforeEach(({ skip }) => {
    try {
      make();
    } catch {
      skip(true, `${name} does not work with this kernel`);
    }
    remove();
  });

  test.each(['before', 'after'])('made %s our tables', async (order) => {
    if (order === 'before') make();
    const withRules = async (takeover: boolean) => {
      const ports = await ForeignPorts.open(
        rules,
        () => () => {},
        () => false,
        SIGNAL,
      );
      const node = new PodNatNode(stage, ports.current(), options);
      await node.apply(podA(takeover));
      return node;
    };
    let node = await withRules(true);
    try {
      if (order === 'after') make();
      // With `takeover` our chain goes first, whichever was made last.
      expect(await ask()).toBe(bound);
      await node.end();
      node = await withRules(false);
      expect(await ask()).toBe(other);
      const reported = [...node.planner.plan.notices()];
      expect(reported).toMatchObject([{ code: 'NatHostPortInUse', message: expect.stringMatching(says) }]);
    } finally {
      await node.end();
      remove();
    }
  });
});

test('rules that come and go are seen, in legacy iptables at the next look', async () => {
  const ports = await ForeignPorts.open(
    rules,
    (onChange) => watchChains(0, onChange),
    () => false,
    SIGNAL,
  );
  const troubles: (string | null)[] = [];
  const stop = ports.watch(
    () => {},
    (_code, message) => troubles.push(message),
    Promise.resolve(),
  );
  const seen = () =>
    ports
      .current()
      .portRules.map(({ port, protocol, address: bound, held }) => [port, protocol, bound, held?.to]);
  try {
    run(
      `iptables-nft -t nat -A PREROUTING -d 203.0.113.7/32 -p udp --dport 53:54 -j DNAT --to-destination 10.244.1.6`,
    );
    const mapped = (port: number) => [port, 'UDP', '203.0.113.7', '10.244.1.6'];
    await vi.waitFor(() => expect(seen()).toEqual([mapped(53), mapped(54)]), 10_000);
    // No claims: rules for only some sources, for all ports, of kube-proxy, in a chain without a jump to it.
    run(
      `iptables-nft -t nat -A PREROUTING -s 192.0.2.0/24 -p tcp --dport 25 -j DNAT --to-destination 10.244.1.6`,
    );
    run('iptables-nft -t nat -A PREROUTING -d 203.0.113.9/32 -j DNAT --to-destination 10.244.1.6');
    run('iptables-nft -t nat -N KUBE-SEP-X');
    run('iptables-nft -t nat -A KUBE-SEP-X -p tcp --dport 26 -j DNAT --to-destination 10.244.1.6');
    run('iptables-nft -t nat -A PREROUTING -p tcp -j KUBE-SEP-X');
    run('iptables-nft -t nat -N ALONE');
    run('iptables-nft -t nat -A ALONE -p tcp --dport 27 -j DNAT --to-destination 10.244.1.6');
    run('iptables-nft -t nat -A PREROUTING -p tcp --dport 28 -j REDIRECT --to-ports 29');
    await vi.waitFor(() => expect(seen()).toContainEqual([28, 'TCP', null, null]), 10_000);
    expect(seen()).toHaveLength(3);
    run('nft delete table ip nat');
    await vi.waitFor(() => expect(seen()).toEqual([]), 10_000);
    expect(troubles).toEqual([null]);
  } finally {
    stop();
  }
});
