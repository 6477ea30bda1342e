import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EgressChains, plainEgress } from '../../src/datapath/nftables/egress.ts';
import { anyNetworks, type FamilyNetworks, type Networks } from '../../src/datapath/nftables/networks.ts';
import {
  chainChanges,
  contentOf,
  contentOfDump,
  type TableContent,
} from '../../src/datapath/nftables/ruleset/content.ts';
import { addTable } from '../../src/datapath/nftables/ruleset/netlink.ts';
import type { TableNode } from '../../src/datapath/nftables/ruleset/nodes.ts';
import { nftFamily, ruleText, tableText } from '../../src/datapath/nftables/ruleset/text.ts';
import { skeleton } from '../../src/datapath/nftables/skeleton.ts';
import { FAMILIES, type Family } from '../../src/net/family.ts';
import { type Prefix, prefixOf } from '../../src/net/prefix.ts';
import { Batch } from '../../src/wire/nftables/batch.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { wholeVariant } from '../generators/skeleton-variant.ts';
import { enterFreshNamespace, nft } from '../netns/namespace.ts';

let connection: NftablesConnection;

beforeAll(() => {
  enterFreshNamespace();
  connection = new NftablesConnection();
});

afterEach(() => {
  execFileSync('nft', ['flush', 'ruleset']);
});

/** Each family's prefixes of whole bytes and of others, of one host, and sets that are nothing or everything. */
const single: Networks = {
  IPv4: networks('10.96.0.0/12', '10.244.0.0/16', '10.0.0.0/8', '10.9.8.7/32'),
  IPv6: networks('fd00:96::/112', 'fd00:244::/60', 'fd00::/8', 'fd00::7/128'),
};

function networks(...prefixes: readonly [string, string, string, string]): FamilyNetworks {
  const [services, pods, sources, host] = prefixes.map(prefixOf) as [Prefix, Prefix, Prefix, Prefix];
  return {
    service_cidrs: { prefix: services, isInside: true },
    masquerade_to_cluster_ip: { prefix: pods, isInside: false },
    egress_sources: { prefix: sources, isInside: true },
    egress_exempt: { prefix: host, isInside: true },
    hasUnmasqueradedInterface: false,
    hasEgressInterface: false,
  };
}

const none: FamilyNetworks = {
  ...anyNetworks.IPv4,
  service_cidrs: 'nothing',
  masquerade_to_cluster_ip: 'everything',
};

const settings: readonly (readonly [string, EgressChains, Networks])[] = [
  ['nothing set', plainEgress, anyNetworks],
  ['an interface', { interfaceFilter: 'eth0', hasAddress: false }, single],
  ['interfaces and an address', { interfaceFilter: 'eth+', hasAddress: true }, { IPv4: none, IPv6: none }],
];

function list(family: Family): string {
  return execFileSync('nft', ['-s', 'list', 'table', nftFamily[family], 'knat'], { encoding: 'utf8' });
}

function dump(family: Family): TableContent {
  const dumped = connection.dump(nftFamily[family], 'knat');
  if (dumped === null) throw new Error('there is no table');
  return contentOfDump(dumped);
}

describe.each(FAMILIES)('the skeleton of %s', (family) => {
  describe.each(settings)('egress: %s', (_, egress, networks) => {
    test.each([[[]], [[1, 10800]]])('session affinity: %j', (timeouts) => {
      const whole = skeleton(family, { ...wholeVariant, timeouts, egress, networks });
      const table = expressible(whole);
      nft(tableText(table, 'knat'));
      const byText = { list: list(family), dump: dump(family) };
      execFileSync('nft', ['flush', 'ruleset']);

      const batch = new Batch();
      addTable(batch, table, 'knat');
      connection.commit(batch);
      expect(list(family)).toBe(byText.list);
      expect(dump(family)).toEqual(contentOf(table));
      expect(comparable(dump(family))).toEqual(comparable(byText.dump));
      execFileSync('nft', ['flush', 'ruleset']);

      const all = new Batch();
      addTable(all, whole, 'knat');
      connection.commit(all);
      expect(dump(family)).toEqual(contentOf(whole));
      expect(list(family).split('\n').length).toBe(
        byText.list.split('\n').length + countRules(whole) - countRules(table),
      );
      // What nft has no words for must not end it either where it writes JSON, as firewalld has it do.
      const json = execFileSync('nft', ['-j', 'list', 'table', nftFamily[family], 'knat'], { stdio: 'pipe' });
      expect(JSON.parse(String(json))).toHaveProperty('nftables');
    });
  });
});

describe('a table that another program has changed', () => {
  const ours = skeleton('IPv4', wholeVariant);

  function changesAfter(edit: string): ReturnType<typeof chainChanges> {
    const batch = new Batch();
    addTable(batch, ours, 'knat');
    connection.commit(batch);
    nft(edit);
    return chainChanges(dump('IPv4'), contentOf(ours));
  }

  test.each([
    ['one rule more', 'add rule ip knat translate counter', 'translate'],
    ['all rules gone', 'flush chain ip knat refuse', 'refuse'],
    ['another verdict', 'flush chain ip knat refuse; add rule ip knat refuse drop', 'refuse'],
  ])('%s: the chain is written anew', (_, edit, chain) => {
    expect(changesAfter(edit)).toEqual({ add: [], rewrite: [chain], remove: [] });
  });

  test('the rules of a chain change places', () => {
    const edit = `flush chain ip knat refuse
      add rule ip knat refuse reject
      add rule ip knat refuse meta l4proto tcp reject with tcp reset`;
    expect(changesAfter(edit)).toEqual({ add: [], rewrite: ['refuse'], remove: [] });
  });

  test('another comment', () => {
    const edit = `flush chain ip knat prerouting_nat
      add rule ip knat prerouting_nat jump translate comment "somebody's"`;
    expect(changesAfter(edit)?.rewrite).toEqual(['prerouting_nat']);
  });

  test('one chain more: it is taken away', () => {
    expect(changesAfter('add chain ip knat more')).toEqual({ add: [], rewrite: [], remove: ['more'] });
  });

  test.each([
    ['one set more', 'add set ip knat more { typeof ip saddr; }'],
    ['a policy', 'add chain ip knat output_nat { policy drop; }'],
    ['asleep', 'add table ip knat { flags dormant; }'],
  ])('%s: the table is replaced', (_, edit) => {
    expect(changesAfter(edit)).toBeNull();
  });

  test('elements, and what is counted, are no part of it', () => {
    expect(changesAfter('add element ip knat pods { 10.244.0.0/16 }')).toEqual({
      add: [],
      rewrite: [],
      remove: [],
    });
  });
});

/** The table without the rules that nft has no words for. */
function expressible(table: TableNode): TableNode {
  const chains = table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.filter((rule) => !ruleText(rule).startsWith('# ')),
  }));
  return { ...table, chains };
}

function countRules({ chains }: TableNode): number {
  return chains.reduce((sum, { rules }) => sum + rules.length, 0);
}

/** nft turns the one byte of a protocol round for ranges, which does nothing, and hashes what lies in other registers. */
function comparable({ table, sets, chains }: TableContent): unknown {
  const rules = [...chains].map(([name, { declaration, rules }]) => [
    name,
    declaration,
    rules
      .filter((rule) => !rule.includes(' hash '))
      .map((rule) => rule.replace(/byteorder \([^)]*length=1 [^)]*\) /, '')),
  ]);
  return { table, sets, rules };
}
