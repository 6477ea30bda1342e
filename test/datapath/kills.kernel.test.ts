/** An agent that is killed at any moment leaves nothing that keeps the next one from its work. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { ip, nodeFacts, service, slice } from '../generators/build.ts';
import { enterFreshNamespace, listRuleset, nft } from '../netns/namespace.ts';

const signal = new AbortController().signal;

beforeAll(enterFreshNamespace);

afterEach(() => {
  vi.restoreAllMocks();
  execFileSync('nft', ['flush', 'ruleset']);
});

function planOf(affinityTimeoutSeconds: number | null, names: readonly string[] = ['web']): NatPlan {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  for (const [index, name] of names.entries()) {
    const fact = service({ name, clusterIPs: [ip(`10.96.0.${10 + index}`)], affinityTimeoutSeconds });
    planner.apply([
      { kind: 'Service', key: `shop/${name}`, fact },
      {
        kind: 'EndpointSlice',
        key: `shop/${name}-1`,
        fact: slice(['10.244.1.1'], { serviceName: name, name: `${name}-1` }),
      },
    ]);
  }
  return planner.update();
}

async function converge(plan: NatPlan, keepUnclaimed = false) {
  const datapath = NftablesDatapath.open();
  try {
    return await datapath.converge(plan, signal, {
      unread: keepUnclaimed ? { kinds: [], anything: true, sliceNamespaces: [] } : null,
    });
  } finally {
    datapath.close();
  }
}

/** The process ends before its commit with this number, or behind it; false when it makes fewer. */
async function killedAt(
  commit: number,
  when: 'before' | 'behind',
  work: () => Promise<unknown>,
): Promise<boolean> {
  const real = NftablesConnection.prototype.commit;
  let count = 0;
  const killed = new Error('killed');
  const spy = vi.spyOn(NftablesConnection.prototype, 'commit').mockImplementation(function (
    this: NftablesConnection,
    ...parts
  ) {
    if (parts[0].isEmpty) return;
    count++;
    if (count === commit && when === 'before') throw killed;
    real.apply(this, parts);
    if (count === commit) throw killed;
  });
  try {
    await work();
    return false;
  } catch (error) {
    if (error !== killed) throw error;
    return true;
  } finally {
    spy.mockRestore();
  }
}

/** The next agent starts, and then everything is as if none had been killed. */
async function expectTakenOver(plan: NatPlan): Promise<void> {
  await converge(plan);
  const after = listRuleset(['-s']);
  expect(after).not.toMatch(/knat_swap|knat_reference|knat_probe|of_another_version/);
  expect(await converge(plan)).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
  execFileSync('nft', ['flush', 'ruleset']);
  await converge(plan);
  expect(sorted(after)).toEqual(sorted(listRuleset(['-s'])));
}

/** nft lists chains in the order in which they were made. */
function sorted(text: string): string[] {
  return text.split('\n').sort();
}

const beginnings: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['nothing', async () => {}],
  ['what it was before', () => converge(planOf(null))],
  ['chains of other settings', () => converge(planOf(600))],
  [
    'a table of another version',
    async () => {
      await converge(planOf(600));
      nft('add set ip knat of_another_version { typeof ip saddr; }');
    },
  ],
  [
    'one family alone',
    async () => {
      await converge(planOf(600));
      nft('delete table ip knat');
    },
  ],
];

describe.each(beginnings)('in the kernel: %s', (_, begin) => {
  test.each(['before', 'behind'] as const)('a kill %s each commit', async (when) => {
    for (let commit = 1; ; commit++) {
      execFileSync('nft', ['flush', 'ruleset']);
      await begin();
      if (!(await killedAt(commit, when, () => converge(planOf(null))))) break;
      await expectTakenOver(planOf(null));
      expect(commit).toBeLessThan(10);
    }
  });
});

/** What agents left that loaded tables by the nft program; each with what they had loaded. */
const leftovers: readonly (readonly [string, string])[] = [
  ['the reference copy of one family', 'add table ip knat_reference { flags dormant; }'],
  ['the reference copies', 'add table ip knat_reference\nadd table ip6 knat_reference'],
  ['a second copy', 'add table ip knat_swap\nadd table ip6 knat_swap'],
  ['a second copy of one family', 'add table ip6 knat_swap'],
  [
    'an empty table beside a second copy',
    'add table ip knat_swap\nflush table ip knat\ndelete table ip6 knat',
  ],
  ['an empty table', 'delete table ip knat\nadd table ip knat'],
  ['a sleeping table', 'add table ip knat { flags dormant; }'],
];

test.each(leftovers)('left by an older agent: %s', async (_, script) => {
  await converge(planOf(600));
  nft(script);
  await expectTakenOver(planOf(600));
});

test.each(['before', 'behind'] as const)(
  'elements of unreadable objects stay through a kill %s each commit of a swap',
  async (when) => {
    const both = planOf(600, ['web', 'shop']);
    const readable = planOf(600, ['web']);
    for (let commit = 1; ; commit++) {
      execFileSync('nft', ['flush', 'ruleset']);
      await converge(both);
      nft('add set ip knat of_another_version { typeof ip saddr; }');
      if (!(await killedAt(commit, when, () => converge(readable, true)))) break;
      await converge(readable, true);
      expect(listRuleset()).not.toContain('of_another_version');
      expect(await converge(both)).toMatchObject({ skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 });
    }
  },
);
