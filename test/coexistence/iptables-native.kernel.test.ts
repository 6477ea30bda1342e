/**
 * Rules that iptables-nft wrote, read without the iptables programs: their targets are in nf_tables as iptables' own bytes.
 * What the programs print is the measure.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ForeignRules, type RuleKind } from '../../src/datapath/coexistence/foreign-rules.ts';
import type { RunProgram } from '../../src/datapath/coexistence/iptables-program.ts';
import { portRules } from '../../src/datapath/coexistence/port-rules.ts';
import { reachedRules } from '../../src/datapath/coexistence/reached-rules.ts';
import { runProgram } from '../../src/datapath/program.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

const PROGRAMS = [
  ['iptables-nft', '10.244.1.6', '10.244.1.7', '203.0.113.7'],
  ['ip6tables-nft', 'fd00:244::6', 'fd00:244::7', '2001:db8::7'],
] as const;

const notInstalled: RunProgram = ([program = '', ...args], input, until) =>
  runProgram([`absent-${program}`, ...args], input, until);

let withPrograms: ForeignRules;
let without: ForeignRules;
beforeAll(() => {
  enterFreshNamespace();
  withPrograms = new ForeignRules();
  without = new ForeignRules(notInstalled);
});
afterEach(() => {
  for (const [program] of PROGRAMS) {
    for (const table of ['nat', 'raw']) for (const all of ['-F', '-X']) run(program, `-t ${table} ${all}`);
  }
});
afterAll(() => {
  withPrograms.close();
  without.close();
});

function run(program: string, line: string): void {
  execFileSync(program, ['-w', '10', ...line.split(' ')]);
}

async function claims(rules: ForeignRules) {
  const { tables } = await rules.read('destination', new AbortController().signal);
  return portRules(tables, () => false).map(({ by: _, ...claim }) => claim);
}

/** What the rules that packets reach do, each once. */
async function actions(rules: ForeignRules, kind: RuleKind): Promise<string[]> {
  const { tables } = await rules.read(kind, new AbortController().signal);
  const all = tables.flatMap((table) =>
    [...reachedRules(table, () => true)].map(({ action }) => action.kind),
  );
  return [...new Set(all)].sort();
}

test.each(PROGRAMS)('%s: ports, addresses and targets of port mappings', async (program, one, other, own) => {
  const withPort = (address: string) => (address.includes(':') ? `[${address}]:26` : `${address}:26`);
  const nat = (line: string) => run(program, `-t nat ${line}`);
  nat('-N DOCKER');
  nat('-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER');
  nat(`-A DOCKER ! -i docker0 -p tcp -m tcp --dport 25 -j DNAT --to-destination ${withPort(one)}`);
  nat(`-A PREROUTING -d ${own} -p udp --dport 53:54 -j DNAT --to-destination ${one}`);
  nat(`-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination ${one}-${other}`);
  nat('-A PREROUTING -p tcp --dport 28 -j REDIRECT --to-ports 29');
  const families = [program === 'iptables-nft' ? 'IPv4' : 'IPv6'];
  const claim = { protocol: 'TCP', address: null, families };
  const found = await claims(without);
  expect(found).toEqual(await claims(withPrograms));
  expect(found).toHaveLength(5);
  expect(found).toEqual(
    expect.arrayContaining([
      { ...claim, port: 25, to: one },
      { ...claim, port: 28, to: null },
      { ...claim, port: 53, protocol: 'UDP', address: own, to: one },
      { ...claim, port: 54, protocol: 'UDP', address: own, to: one },
      { ...claim, port: 80, to: null },
    ]),
  );
});

test.each(PROGRAMS)('%s: targets that change sources, and exceptions from tracking', async (program, one) => {
  run(program, '-t nat -A POSTROUTING -o eth1 -j MASQUERADE');
  run(program, `-t nat -A POSTROUTING -o eth2 -j SNAT --to-source ${one}`);
  run(program, '-t raw -A PREROUTING -p udp --dport 53 -j CT --notrack');
  run(program, '-t raw -A PREROUTING -p udp --dport 54 -j CT --zone 3');
  run(program, '-t raw -A PREROUTING -p udp --dport 55 -j NOTRACK');
  expect(await actions(without, 'source')).toEqual(['masquerade', 'snat']);
  expect(await actions(withPrograms, 'source')).toEqual(['masquerade', 'snat']);
  expect(await actions(without, 'untracked')).toEqual(['notrack', 'other']);
  expect(await actions(withPrograms, 'untracked')).toEqual(['notrack', 'other']);
});
