import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KubeProxyRules } from '../../src/datapath/coexistence/kube-proxy.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';
import { iptablesMode, nftablesMode, RULES_OF_OTHERS } from './kube-proxy-state.ts';

const signal = new AbortController().signal;
let rules: KubeProxyRules;

beforeAll(() => enterFreshNamespace());

beforeEach(() => {
  rules = new KubeProxyRules();
});

afterEach(() => {
  rules.close();
  execFileSync('nft', ['flush', 'ruleset']);
});

test('an empty namespace has no rules of kube-proxy, and looking creates nothing', async () => {
  expect(await rules.find(signal)).toEqual({ found: [], ipvs: false, unseen: [] });
  expect(listRuleset()).toBe('');
});

test('nftables mode: both tables are seen and removed; a table of another program stays', async () => {
  nft('add table ip other\nadd chain ip other KUBE-SERVICES');
  const before = listRuleset();
  nft(nftablesMode());
  expect((await rules.find(signal)).found).toEqual([
    'table ip kube-proxy (nftables mode)',
    'table ip6 kube-proxy (nftables mode)',
  ]);
  await rules.remove(signal);
  expect(listRuleset()).toBe(before);
});

test('IPVS mode is seen by its interface', async () => {
  execFileSync('ip', ['link', 'add', 'kube-ipvs0', 'type', 'veth', 'peer', 'name', 'kube-ipvs1']);
  expect(await rules.find(signal)).toMatchObject({ found: ['interface kube-ipvs0 (IPVS mode)'], ipvs: true });
  execFileSync('ip', ['link', 'del', 'kube-ipvs0']);
});

/** Legacy iptables needs modules that not every kernel has. */
function works(program: string): boolean {
  try {
    execFileSync(program, ['-t', 'nat', '-S'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ['iptables-nft', (table: string) => `ip ${table}`],
  ['ip6tables-nft', (table: string) => `ip6 ${table}`],
  ['iptables-legacy', (table: string) => `${table} of iptables-legacy`],
])('iptables mode, kept by %s', (program, title) => {
  const restore = (input: string) =>
    execFileSync(`${program}-restore`, ['--noflush'], {
      input: forFamily(input),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  /** Without the comments, which contain the time. */
  const save = () => execFileSync(`${program}-save`, { encoding: 'utf8' }).replace(/^#.*\n/gm, '');
  const forFamily = (text: string) =>
    program.startsWith('ip6')
      ? text
          .replace(/10\.96\.0\.10\/32/g, 'fd00:96::10/128')
          .replace(/(10\.244\.1\.\d):(\d+)/g, '[fd00:244::1]:$2')
          .replace(/127\.0\.0\.0\/8/g, '::1/128')
          .replace('172.17.0.0/16', 'fd00:17::/64')
      : text;

  beforeEach(({ skip }) => {
    skip(!works(program), `${program} does not work with this kernel`);
    if (program.includes('legacy')) for (const table of ['nat', 'filter', 'mangle']) clear(program, table);
  });

  afterEach(() => {
    if (program.includes('legacy') && works(program))
      for (const table of ['nat', 'filter', 'mangle']) clear(program, table);
  });

  test('rules of the kubelet and of others do not count as kube-proxy, and stay untouched', async () => {
    restore(RULES_OF_OTHERS);
    restore(
      '*nat\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-POSTROUTING - [0:0]\n-A POSTROUTING -j KUBE-POSTROUTING\nCOMMIT\n',
    );
    const before = save();
    expect((await rules.find(signal)).found).toEqual([]);
    await rules.remove(signal);
    expect(save()).toBe(before);
  });

  test('its chains and the jumps to them are removed, rules of others in the same tables stay', async () => {
    restore(RULES_OF_OTHERS);
    const before = save();
    restore(iptablesMode());
    expect(save()).not.toBe(before);
    expect([...(await rules.find(signal)).found].sort()).toEqual([
      `1 chain in table ${title('mangle')} (iptables mode)`,
      `6 chains in table ${title('filter')} (iptables mode)`,
      `6 chains in table ${title('nat')} (iptables mode)`,
    ]);
    await rules.remove(signal);
    expect(save()).toBe(before);
    expect((await rules.find(signal)).found).toEqual([]);
  });

  test("the masquerading chains stay where another program's chain uses them", async () => {
    restore(iptablesMode());
    restore('*nat\n:CNI-HOSTPORT-SETMARK - [0:0]\n-A CNI-HOSTPORT-SETMARK -j KUBE-MARK-MASQ\nCOMMIT\n');
    await rules.remove(signal);
    const after = save();
    expect(after).toContain('-A CNI-HOSTPORT-SETMARK -j KUBE-MARK-MASQ');
    expect(after).toContain('-j MASQUERADE --random-fully');
    expect(after).toMatch(/-A POSTROUTING .*-j KUBE-POSTROUTING/);
    expect(after).not.toContain('KUBE-SERVICES');
    expect((await rules.find(signal)).found).toEqual([]);
  });
});

function clear(program: string, table: string): void {
  execFileSync(program, ['-t', table, '-F']);
  execFileSync(program, ['-t', table, '-X']);
}
