import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ForwardChains } from '../../src/datapath/coexistence/forward-chains.ts';
import type { RunProgram } from '../../src/datapath/coexistence/iptables-program.ts';
import { runProgram } from '../../src/datapath/program.ts';
import type { Family } from '../../src/net/family.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';

const signal = new AbortController().signal;
const both: ReadonlySet<Family> = new Set(['IPv4', 'IPv6']);
const NOTHING = { drops: [], opened: [], closed: [] };
let forward: ForwardChains;

beforeAll(() => enterFreshNamespace());
beforeEach(() => {
  forward = new ForwardChains();
});
afterEach(() => {
  forward.close();
  execFileSync('nft', ['flush', 'ruleset']);
});

test('an empty namespace has no chain that drops, and looking creates nothing', async () => {
  expect(await forward.settle(both, true, signal)).toEqual(NOTHING);
  expect(listRuleset()).toBe('');
});

function works(program: string): boolean {
  try {
    execFileSync(program, ['-t', 'filter', '-S'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.each<[string, Family]>([
  ['iptables-nft', 'IPv4'],
  ['ip6tables-nft', 'IPv6'],
  ['iptables-legacy', 'IPv4'],
  ['ip6tables-legacy', 'IPv6'],
])('%s', (program, family) => {
  const wanted = new Set([family]);
  const iptables = (...words: string[]) => execFileSync(program, words.join(' ').split(' '));
  const rules = () => execFileSync(program, ['-S', 'FORWARD'], { encoding: 'utf8' }).trim().split('\n');
  const ours = '-A FORWARD -m conntrack --ctstate DNAT -m comment --comment "knat[accept_dnat]" -j ACCEPT';

  beforeEach(({ skip }) => {
    skip(!works(program), `${program} does not work with this kernel`);
    if (program.endsWith('legacy')) clear();
  });
  afterEach(() => {
    if (program.endsWith('legacy') && works(program)) clear();
  });
  function clear(): void {
    for (const words of ['-P FORWARD ACCEPT', '-F', '-X']) iptables(words);
  }

  test('one rule where the policy drops, kept in place, and removed by cleanup', async () => {
    iptables('-N DOCKER-USER');
    iptables('-A FORWARD -j DOCKER-USER');
    iptables('-P FORWARD DROP');
    const before = rules();
    const where = `chain FORWARD of ${program}`;
    expect(await forward.settle(wanted, true, signal)).toEqual({ ...NOTHING, opened: [where] });
    expect(rules()).toEqual([...before, ours]);
    expect(await forward.settle(wanted, true, signal)).toEqual(NOTHING);

    iptables('-D FORWARD 2');
    expect((await forward.settle(wanted, true, signal)).opened).toEqual([where]);
    expect(rules()).toEqual([...before, ours]);
    iptables('-A FORWARD -i eth9 -j DROP');
    await forward.settle(wanted, true, signal);
    expect(rules().at(-1)).toBe(ours);

    expect(await forward.remove(signal)).toEqual([where]);
    expect(rules()).toEqual([...before, '-A FORWARD -i eth9 -j DROP']);
    expect(await forward.remove(signal)).toEqual([]);
  });

  test('our rule is before a reject at the end', async () => {
    iptables('-A FORWARD -i eth9 -j ACCEPT');
    iptables('-A FORWARD -j REJECT');
    await forward.settle(wanted, true, signal);
    expect(rules()[2]).toBe(ours);
    expect(rules()[3]).toContain('-j REJECT');
  });

  test('with --no-manage-forward the chain is only reported', async () => {
    iptables('-P FORWARD DROP');
    const { drops, opened } = await forward.settle(wanted, false, signal);
    expect(opened).toEqual([]);
    expect(drops).toMatchObject([{ family, where: `chain FORWARD of ${program} (policy drop)` }]);
    expect(drops[0]?.remedy).toContain('--ctstate DNAT');
    expect(rules()).toEqual(['-P FORWARD DROP']);
    expect((await forward.settle(new Set(), false, signal)).drops).toEqual([]);
  });

  test('a chain that drops nothing gets no rule, and a rule that is not needed is removed', async () => {
    iptables('-A FORWARD -i eth9 -j DROP');
    expect(await forward.settle(wanted, true, signal)).toEqual(NOTHING);
    iptables('-P FORWARD DROP');
    await forward.settle(wanted, true, signal);
    iptables('-P FORWARD ACCEPT');
    await forward.settle(wanted, true, signal);
    expect(rules()).toEqual(['-P FORWARD ACCEPT', '-A FORWARD -i eth9 -j DROP']);
  });
});

describe('chains of nft itself', () => {
  const chain = (family: string, policy: string, ...rules: string[]) =>
    nft(`table ${family} guard {
      chain inner { ${family === 'inet' ? 'ct status dnat accept' : 'counter'}; }
      chain forwarding { type filter hook forward priority 0; policy ${policy}; ${rules.join('; ')}; }
    }`);
  const drops = async () =>
    (await forward.settle(both, true, signal)).drops.map(({ family, where }) => `${family} ${where}`);
  const named = (table: string, why: string) => `chain forwarding of table ${table} (${why})`;

  test.each([
    ['ip', 'drop', ['counter'], [`IPv4 ${named('ip guard', 'policy drop')}`]],
    ['ip6', 'drop', ['counter'], [`IPv6 ${named('ip6 guard', 'policy drop')}`]],
    ['inet', 'drop', ['counter'], ['IPv4', 'IPv6'].map((f) => `${f} ${named('inet guard', 'policy drop')}`)],
    ['ip', 'accept', ['iifname "a" drop'], []],
    ['ip', 'accept', ['iifname "a" accept', 'counter log reject'], [`IPv4 ${named('ip guard', 'rule 2')}`]],
    ['ip', 'drop', ['ct status dnat accept'], []],
    ['ip', 'drop', ['ct status & dnat == dnat counter accept'], []],
    ['ip', 'drop', ['ct status snat accept'], [`IPv4 ${named('ip guard', 'policy drop')}`]],
    ['ip', 'drop', ['ct status & dnat == 0 accept'], [`IPv4 ${named('ip guard', 'policy drop')}`]],
    ['ip', 'drop', ['iifname "a" ct status dnat accept'], [`IPv4 ${named('ip guard', 'policy drop')}`]],
    ['inet', 'drop', ['jump inner'], []],
    ['ip', 'drop', ['jump inner'], [`IPv4 ${named('ip guard', 'policy drop')}`]],
    ['ip', 'drop', ['accept'], []],
  ])('%s, policy %s, %j', async (family, policy, rules, expected) => {
    chain(family, policy, ...rules);
    const before = listRuleset();
    expect(await drops()).toEqual(expected);
    expect(listRuleset()).toBe(before);
  });

  test('a family in which nothing is translated does not matter', async () => {
    chain('ip6', 'drop', 'counter');
    expect((await forward.settle(new Set(['IPv4']), true, signal)).drops).toEqual([]);
  });

  test.each([
    ['cannot read', 'fib daddr type local accept'],
    ['misreads', 'ip saddr @x accept'],
  ])('a table filter that iptables %s is looked at as it is', async (_, rule) => {
    nft(`table ip filter {
      set x { type ipv4_addr; }
      chain FORWARD { type filter hook forward priority 0; policy drop; ${rule}; }
    }`);
    expect(await drops()).toEqual(['IPv4 chain FORWARD of table ip filter (policy drop)']);
  });
});

test('where iptables is not installed its chain is read and reported, and nothing fails', async () => {
  execFileSync('iptables-nft', ['-P', 'FORWARD', 'DROP']);
  const nowhere: RunProgram = ([program = '', ...args], input, until) =>
    runProgram([`absent-${program}`, ...args], input, until);
  const without = new ForwardChains(nowhere);
  try {
    const { drops, opened } = await without.settle(both, true, signal);
    expect(opened).toEqual([]);
    // Legacy tables of the tests before are there too, and cannot be looked at.
    const [drop] = drops.filter(({ where }) => !where.includes('legacy'));
    expect(drop).toMatchObject({
      family: 'IPv4',
      where: 'chain FORWARD of table ip filter (policy drop)',
      remedy: expect.stringContaining('install the package iptables'),
    });
  } finally {
    without.close();
  }
});
