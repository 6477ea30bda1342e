import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { plainEgress } from '../../src/datapath/nftables/egress.ts';
import { tableText } from '../../src/datapath/nftables/ruleset/text.ts';
import { skeleton as tableOf } from '../../src/datapath/nftables/skeleton.ts';
import { wholeVariant } from '../generators/skeleton-variant.ts';

/** Compares the chains in docs/design/packet-path.md with those that the kernel gets. */

const skeleton = textOf([]);
/** The chains that exist only with natOutgoingAddress. */
const withAddress = textOf([], true);
/** The chains of session affinity, which exist only while a Service uses it. */
const withAffinity = textOf([10800]);
const page = readFileSync('docs/design/packet-path.md', 'utf8').replace(/\\\n\s+/g, '');

/** The text of the table; what nft has no words for, a comment there, is a rule here. */
function textOf(timeouts: readonly number[], hasAddress = false): string {
  const text = tableText(
    tableOf('IPv4', { ...wholeVariant, timeouts, egress: { ...plainEgress, hasAddress } }),
    'knat',
  );
  return text.replace(/^( +)# /gm, '$1');
}

/** The rules of a chain, without comments. */
function rulesOf(text: string, chain: string): string[] {
  const body = new RegExp(`^ +chain ${chain} \\{\\n(.*?)^ +\\}$`, 'ms').exec(text)?.[1];
  if (body === undefined) throw new Error(`no chain ${chain}`);
  return body
    .split('\n')
    .map((line) => line.replace(/(^ *comment ".*| comment ".*"| +#.*)$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('type '));
}

const shown = [...page.matchAll(/^ {4}chain (\w+) \{/gm)].map(([, name]) => name ?? '');

test.each(shown)('the chain %s is as the page shows it', (chain) => {
  const text =
    chain === 'egress_pools' ? withAddress : chain.startsWith('affinity_') ? withAffinity : skeleton;
  const real = rulesOf(text, chain);
  const rules = rulesOf(page, chain);
  expect(rules.length).toBeGreaterThan(0);
  for (const [index, rule] of rules.entries()) {
    if (!rule.includes('…')) expect(real[index]).toBe(rule);
  }
  expect(real).toHaveLength(rules.length);
});

test('every set and map that the page names exists', () => {
  const declared = new Set([...skeleton.matchAll(/^ {2}(?:set|map) (\w+) \{/gm)].map(([, name]) => name));
  const named = [...page.matchAll(/@(\w+)|(?:set|map) (\w+) \{/g)].map(([, used, made]) => used ?? made);
  expect(named.filter((name) => !declared.has(name) && name !== 'nh')).toEqual([]);
});
