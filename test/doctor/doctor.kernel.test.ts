/** `knat doctor` in network namespaces that each have one fault. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckResult } from '../../src/doctor/finding.ts';
import type { Host } from '../../src/lab/host.ts';
import { Lab } from '../../src/lab/lab.ts';
import { removeStale } from '../../src/lab/removal.ts';
import type { Severity } from '../../src/model/finding.ts';
import { knat, type RunOptions } from '../cli/knat.ts';

let lab: Lab;
let folder: string;

beforeAll(() => {
  removeStale('knat-test');
  lab = new Lab('knat-test');
  folder = mkdtempSync(join(tmpdir(), 'knat-doctor-'));
});
afterAll(() => {
  lab?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs in a new mount namespace in which the program cannot be executed. */
const WITHOUT_NFT = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind /dev/null "$(readlink -f "$(command -v nft)")" && exec "$@"',
  'sh',
];

let hosts = 0;

/** A host whose only fault is that no agent runs. */
async function healthyHost(): Promise<Host> {
  hosts += 1;
  const [host] = await lab.addHosts([`doctor${hosts}`]);
  if (host === undefined) throw new Error('no host');
  await host.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  await host.sysctl({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 });
  return host;
}

async function examined(host: Host, args: readonly string[] = [], options: RunOptions = {}) {
  const through = [...host.command([]), ...(options.through ?? [])];
  const { status, output, errors } = await knat(['doctor', '-o', 'json', ...args], { ...options, through });
  if (output === '') throw new Error(errors);
  const results = JSON.parse(output) as readonly CheckResult[];
  const of = (check: string): CheckResult => {
    const found = results.find((result) => result.check === check);
    if (found === undefined) throw new Error(`no check ${check}`);
    return found;
  };
  return { status, results, of };
}

const says = (severity: Severity, message: string): unknown => [
  { severity, message: expect.stringContaining(message), remedy: expect.stringMatching(/\S{4}/) },
];

test('a host in which all is well', async () => {
  const { status, results } = await examined(await healthyHost());
  expect(results.length).toBeGreaterThan(9);
  const sick = results.filter(({ check, findings }) => check !== 'agent' && findings.length > 0);
  expect(sick).toEqual([]);
  expect(status).toBe(0);
});

test('for people: one line for each check, and the command to type', async () => {
  const host = await healthyHost();
  await host.sysctl({ 'net.ipv4.ip_forward': 0 });
  const { status, output } = await knat(['doctor'], { through: host.command([]) });
  expect(output).toContain('ok    kernel and rights\n');
  expect(output).toMatch(
    /FAIL {2}forwarding between interfaces: net\.ipv4\.ip_forward is 0: .*\n {6}→ sysctl -w net\.ipv4\.ip_forward=1/,
  );
  expect(output).toMatch(/\n1 errors, 1 warnings, 0 notes\n$/);
  expect(status).toBe(1);
});

describe('the host itself', () => {
  test('no nft program: the agent needs none', async () => {
    const host = await healthyHost();
    const { of } = await examined(host, [], { through: WITHOUT_NFT });
    expect(of('platform').findings).toEqual([]);
  });

  test('no right to read rules', async () => {
    const host = await healthyHost();
    const through = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
    const { of, status } = await examined(host, [], { through });
    expect(of('platform').findings).toEqual(says('error', ''));
    expect(of('platform').findings[0]?.remedy).toContain('CAP_NET_ADMIN');
    expect(status).toBe(1);
  });

  test('no forwarding', async () => {
    const host = await healthyHost();
    await host.sysctl({ 'net.ipv4.ip_forward': 0 });
    expect((await examined(host)).of('forwarding').findings).toEqual(
      says('error', 'net.ipv4.ip_forward is 0'),
    );
    await host.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 0 });
    const { of, status } = await examined(host);
    expect(of('forwarding').findings).toEqual(says('warning', 'net.ipv6.conf.all.forwarding is 0'));
    expect(status).toBe(0);
  });

  test('strict reverse path filtering matters with several uplinks', async () => {
    const host = await healthyHost();
    await host.ip(uplink('eth0', '203.0.113.11/24'));
    await host.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 1 });
    expect((await examined(host)).of('reverse-path-filter').findings).toEqual([]);
    await host.ip(uplink('eth1', '198.51.100.11/24'));
    expect((await examined(host)).of('reverse-path-filter').findings).toEqual(
      says('warning', 'rp_filter is strict on eth0'),
    );
    await host.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 2 });
    expect((await examined(host)).of('reverse-path-filter').findings).toEqual([]);
  });

  test('an uplink on a bridge is one', async () => {
    const host = await healthyHost();
    await host.ip(uplink('eth0', '203.0.113.11/24'));
    await host.ip(uplink('eth1', '198.51.100.11/24'));
    await host.ip([
      'link add br0 type bridge',
      'link set br0 up',
      'link set eth1 master br0',
      'address flush dev eth1',
      'address add 198.51.100.11/24 dev br0',
    ]);
    await host.sysctl({ 'net.ipv4.conf.br0.rp_filter': 1 });
    expect((await examined(host)).of('reverse-path-filter').findings).toEqual([]);
    await host.ip(['route add default via 198.51.100.1']);
    expect((await examined(host)).of('reverse-path-filter').findings).toEqual(
      says('warning', 'rp_filter is strict on br0'),
    );
  });

  test('forwarding that is off for one interface', async () => {
    const host = await healthyHost();
    await host.ip(uplink('eth0.7', '203.0.113.11/24'));
    expect((await examined(host)).of('interface-forwarding').findings).toEqual([]);
    await host.sysctl({ 'net.ipv4.conf.eth0/7.forwarding': 0 });
    expect((await examined(host)).of('interface-forwarding').findings).toEqual(
      says('warning', 'net.ipv4.conf.eth0.7.forwarding is 0'),
    );
    await host.sysctl({ 'net.ipv4.conf.eth0/7.forwarding': 1, 'net.ipv6.conf.eth0/7.forwarding': 0 });
    expect((await examined(host)).of('interface-forwarding').findings).toEqual(
      says('note', 'net.ipv6.conf.eth0.7.forwarding is 0'),
    );
    await host.sysctl({ 'net.ipv4.ip_forward': 0 });
    expect((await examined(host)).of('forwarding').findings).toEqual(says('error', 'net.ipv4.ip_forward'));
  });

  test('local ports that are NodePorts', async () => {
    const host = await healthyHost();
    await host.sysctl({ 'net.ipv4.ip_local_port_range': '20000 60999' });
    expect((await examined(host)).of('local-port-range').findings).toEqual(says('warning', '20000-60999'));
    await host.sysctl({ 'net.ipv4.ip_local_reserved_ports': '8080,30000-32767' });
    expect((await examined(host)).of('local-port-range').findings).toEqual([]);
  });

  test('pods that share a bridge', async () => {
    const host = await healthyHost();
    await host.ip(['link add cni0 type bridge', 'link set cni0 up']);
    // Where the kernel has br_netfilter, it is switched off for this namespace.
    await host.runToEnd(['sysctl', '--write', 'net.bridge.bridge-nf-call-iptables=0']);
    for (const port of ['port0', 'port1']) {
      expect((await examined(host)).of('bridge-netfilter').findings).toEqual([]);
      await host.ip([
        `link add ${port} type veth peer name ${port}-pod`,
        `link set ${port} master cni0 up`,
        `link set ${port}-pod up`,
      ]);
    }
    expect((await examined(host)).of('bridge-netfilter').findings).toEqual(
      says('warning', 'cni0 has several ports'),
    );
  });
});

describe('rules of other programs', () => {
  test.each([
    ['unknown', 'mine', 'postrouting', 'snat to 192.0.2.1', 'a rule of another program has a snat rule'],
    ['firewalld', 'firewalld', 'nat_POSTROUTING', 'masquerade', 'firewalld has a masquerade rule'],
  ])('%s', async (_name, table, chain, action, message) => {
    const host = await healthyHost();
    await host.run(
      ['nft', '-f', '-'],
      `table ip ${table} { chain ${chain} { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 ${action}\n }\n }\n`,
    );
    expect((await examined(host)).of('foreign-source-nat').findings).toEqual(says('warning', message));
  });

  test.each([
    ['IP-MASQ-AGENT', 'ip-masq-agent has a masquerade rule in chain IP-MASQ-AGENT of table ip nat'],
    ['cali-nat-outgoing', 'Calico has a masquerade rule'],
    ['CNI-0123456789abcdef01234567', 'the CNI plugin (ipMasq) has a masquerade rule'],
  ])('chain %s of iptables', async (chain, message) => {
    const host = await healthyHost();
    await host.run(['iptables-nft', '-t', 'nat', '-N', chain]);
    await host.run(['iptables-nft', '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.244.0.0/16', '-j', chain]);
    await host.run(['iptables-nft', '-t', 'nat', '-A', chain, '-j', 'MASQUERADE']);
    expect((await examined(host)).of('foreign-source-nat').findings).toEqual(says('warning', message));
  });

  test.each([
    ['iptables-legacy', 'nat of iptables-legacy'],
    ['ip6tables-legacy', 'nat of ip6tables-legacy'],
  ])('%s', async (program, message) => {
    const host = await healthyHost();
    await host.run([program, '-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE']);
    expect((await examined(host)).of('foreign-source-nat').findings).toEqual(
      says('warning', `masquerade rule in chain POSTROUTING of table ${message}`),
    );
  });

  /** What these programs write (docker 20 to 29, libvirt 9 and 10, tailscale 1.x). */
  const networksOfTheirOwn: [name: string, rules: string[]][] = [
    [
      'docker, libvirt and tailscale, iptables',
      [
        '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
        '-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE',
        '-N LIBVIRT_PRT',
        '-A POSTROUTING -j LIBVIRT_PRT',
        '-A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN',
        '-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535',
        '-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE',
        '-N ts-postrouting',
        '-A POSTROUTING -j ts-postrouting',
        '-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE',
      ],
    ],
    [
      'docker, libvirt and tailscale, nftables',
      [
        `table ip docker-bridges {
          chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; jump nat-postrouting-out__docker0
          }
          chain nat-postrouting-out__docker0 { oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
          }
        }
        table ip libvirt_network {
          chain guest_nat { type nat hook postrouting priority 100; policy accept;
            ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
            ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade
          }
        }
        table ip nat {
          chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; counter jump ts-postrouting
          }
          chain ts-postrouting { meta mark & 0x00ff0000 == 0x00040000 counter masquerade
          }
        }`,
      ],
    ],
  ];
  describe.each([
    ['without pools', false],
    ['beside a pool', true],
  ])('%s', (_when, withPool) => {
    const source = () => {
      writeFileSync(join(folder, 'pools.yaml'), POOL);
      return withPool ? ['--source', `dir:${folder}`, '--node', 'n1'] : [];
    };
    test.each(networksOfTheirOwn)('%s: their own networks are no concern', async (name, rules) => {
      const host = await healthyHost();
      if (name.endsWith('nftables')) await host.run(['nft', '-f', '-'], `${rules.join('\n')}\n`);
      else for (const rule of rules) await host.run(['iptables-nft', '-t', 'nat', ...rule.split(' ')]);
      expect((await examined(host, source())).of('foreign-source-nat').findings).toEqual([]);
    });
  });

  test('the same where the pool is among their sources', async () => {
    const host = await healthyHost();
    writeFileSync(join(folder, 'pools.yaml'), POOL);
    const source = ['--source', `dir:${folder}`, '--node', 'n1'];
    const masquerade = ['!', '-o', 'docker0', '-j', 'MASQUERADE'];
    await host.run(['iptables-nft', '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.244.3.0/24', ...masquerade]);
    expect((await examined(host, source)).of('foreign-source-nat').findings).toEqual(
      says('warning', 'masquerade rule in chain POSTROUTING of table ip nat'),
    );
  });

  test.each([
    ['iptables-nft', 'NOTRACK', 'table ip raw'],
    ['iptables-nft', 'CT --notrack', 'table ip raw'],
    ['iptables-legacy', 'CT --notrack', 'table raw of iptables-legacy'],
    ['nft', 'notrack', 'table inet mine'],
  ])('%s -j %s', async (program, target, message) => {
    const host = await healthyHost();
    const raw = (...words: string[]) =>
      host.run([program, '-t', 'raw', '-A', 'PREROUTING', ...words, '-j', ...target.split(' ')]);
    if (program === 'nft') {
      const chain = 'type filter hook prerouting priority raw; policy accept; tcp dport 80 notrack';
      await host.run(['nft', '-f', '-'], `table inet mine {\nchain pre { ${chain}\n}\n}\n`);
    } else {
      await raw('-d', '169.254.20.10/32', '-p', 'udp', '--dport', '53');
      await raw('-p', 'udp', '--dport', '4789');
      expect((await examined(host)).of('untracked').findings).toEqual([]);
      await raw('-p', 'tcp', '--dport', '80');
    }
    expect((await examined(host)).of('untracked').findings).toEqual(says('warning', message));
  });

  test('rules that no packet reaches, and destination NAT, are no finding', async () => {
    const host = await healthyHost();
    await host.run(
      ['nft', '-f', '-'],
      `table ip mine {
        chain unused { masquerade; }
        chain prerouting { type nat hook prerouting priority -100; tcp dport 1 dnat to 192.0.2.1; }
      }`,
    );
    expect((await examined(host)).of('foreign-source-nat').findings).toEqual([]);
  });

  test('a FORWARD chain that drops, until our rule is in it', async () => {
    const host = await healthyHost();
    await host.run(['iptables-nft', '-P', 'FORWARD', 'DROP']);
    expect((await examined(host)).of('forward-policy').findings).toEqual(says('warning', 'policy drop'));
    await host.run(['iptables-nft', '-P', 'FORWARD', 'ACCEPT']);
    expect((await examined(host)).of('forward-policy').findings).toEqual([]);
    await host.run(
      ['nft', '-f', '-'],
      'table inet mine {\nchain forward { type filter hook forward priority 0; policy drop; }\n}\n',
    );
    const { findings } = (await examined(host)).of('forward-policy');
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]?.message).toContain('inet mine');
  });

  test('kube-proxy', async () => {
    const host = await healthyHost();
    await host.run(['nft', 'add table ip kube-proxy']);
    expect((await examined(host)).of('kube-proxy').findings).toEqual(says('warning', 'table ip kube-proxy'));
  });
});

describe('pools', () => {
  test('a pool that contains the network of the node', async () => {
    const host = await healthyHost();
    await host.ip(uplink('eth0', '10.244.9.11/24'));
    const manifests = join(folder, 'pools.yaml');
    writeFileSync(manifests, POOL);
    const source = ['--source', `dir:${folder}`, '--node', 'n1'];
    const { of } = await examined(host, source);
    expect(of('pools-and-node-networks').findings).toEqual(
      says('warning', 'pool pods (10.244.0.0/16) overlaps 10.244.9.0/24, the network of eth0'),
    );
    expect((await examined(host)).of('pools-and-node-networks').unseen).toContain('there is no --source');
  });
});

const POOL = `apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 10.244.9.11}]}
---
apiVersion: knat.dev/v1
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, natOutgoing: true}
`;

/** A cable whose other end stays in the same namespace, up. */
function uplink(name: string, address: string): readonly string[] {
  return [
    `link add ${name} type veth peer name ${name}-far`,
    `link set ${name} up`,
    `link set ${name}-far up`,
    `address add ${address} dev ${name}`,
  ];
}
