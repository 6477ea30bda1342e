/**
 * Random series of changes through one Planner and one datapath, which applies them step by step. After each
 * step a new datapath reads the kernel and writes nothing: the kernel equals a fresh start.
 */
import fc from 'fast-check';
import { beforeAll, expect, test, vi } from 'vitest';
import { ruleSettingsOf } from '../../src/datapath/nftables/comparison.ts';
import { neededBy, needsOf } from '../../src/datapath/nftables/needs.ts';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import type { NatPlan } from '../../src/plan/nat-plan.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { NftablesConnection } from '../../src/wire/nftables/connection.ts';
import { nodeFacts } from '../generators/build.ts';
import { busyNode } from '../generators/busy-node.ts';
import { factChange, thisNode } from '../generators/facts.ts';
import { shrinkFor } from '../generators/shrink-for.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

interface Step {
  readonly node: NodeFacts | null;
  readonly changes: readonly FactChange[];
}

/** A few changes; all objects of a busy node, which replace those before; other facts of the node. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(factChange, { minLength: 1, maxLength: 4 })
      .map((changes) => ({ node: null, changes })),
  },
  { weight: 4, arbitrary: busyNode.map(({ changes }) => ({ node: null, changes })) },
  {
    weight: 3,
    arbitrary: busyNode.map(({ changes }) => ({ node: null, changes: changes.map(withoutFact) })),
  },
  { weight: 1, arbitrary: thisNode.map((node) => ({ node, changes: [] })) },
);

/** The change that removes the object again. */
function withoutFact({ kind, key }: FactChange): FactChange {
  return { kind, key, fact: null };
}

const runs = Number(process.env.KNAT_SEQUENCE_RUNS ?? 6);
const SHRINK_MS = 20_000;
const signal = new AbortController().signal;

beforeAll(() => {
  enterFreshNamespace();
});

test(
  'after each step of a random series the kernel is as from scratch',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12, size: 'max' }),
        shrinkFor(SHRINK_MS, followsExactly),
      ),
      { numRuns: runs },
    );
  },
  runs * 20_000 + SHRINK_MS,
);

async function followsExactly(steps: readonly Step[]): Promise<void> {
  const planner = new Planner(nodeFacts(), defaultPlanOptions);
  const datapath = NftablesDatapath.open();
  try {
    const empty = planner.update();
    await datapath.converge(empty, signal);
    let chains = chainsOf(empty);
    for (const [index, { node, changes }] of steps.entries()) {
      if (node !== null) planner.setNode(node);
      planner.apply(changes);
      const plan = planner.update();
      const reading = vi.spyOn(NftablesConnection.prototype, 'elements');
      const { skeleton } = await datapath.converge(plan, signal);
      const before = chains;
      chains = chainsOf(plan);
      expect(reading, `step ${index}: the change alone was refused`).not.toHaveBeenCalled();
      // Chains are there while an entry needs them; single networks and interfaces of egress stand in rules.
      expect(skeleton, `step ${index}`).toBe(chains === before ? 'kept' : 'changed');
      reading.mockRestore();
      const fresh = NftablesDatapath.open();
      try {
        const check = await fresh.converge(planner.update(), signal);
        const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
        expect(check, `step ${index}`).toMatchObject(nothing);
      } finally {
        fresh.close();
      }
    }
  } finally {
    vi.restoreAllMocks();
    await datapath.remove(signal);
    datapath.close();
  }
}

/** What decides about the chains. */
function chainsOf(plan: NatPlan): string {
  const { timeouts, parts } = neededBy([...plan.entries()].flatMap(needsOf));
  return JSON.stringify([timeouts, [...parts], ruleSettingsOf(plan)]);
}
