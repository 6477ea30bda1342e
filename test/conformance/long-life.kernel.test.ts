/** After many changes under one agent the kernel equals that after a fresh start. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NftablesDatapath } from '../../src/datapath/nftables/nftables-datapath.ts';
import type { FactChange } from '../../src/model/facts.ts';
import type { NodeFacts } from '../../src/model/node.ts';
import { defaultPlanOptions } from '../../src/plan/options.ts';
import { Planner } from '../../src/plan/planner.ts';
import { nodeFacts } from '../generators/build.ts';
import { busyNode } from '../generators/busy-node.ts';
import { factChange, thisNode } from '../generators/facts.ts';
import { enterFreshNamespace } from '../netns/namespace.ts';

const signal = new AbortController().signal;
const LIFE = 150;
/** The series includes restarts. */
const EVERY = 50;

beforeAll(enterFreshNamespace);

type Step = { readonly node?: NodeFacts; readonly changes: readonly FactChange[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(factChange, { minLength: 1, maxLength: 4 }).map((changes) => ({ changes })),
  },
  { weight: 1, arbitrary: busyNode.map(({ changes }) => ({ changes })) },
  { weight: 1, arbitrary: thisNode.map((node) => ({ node, changes: [] })) },
);

let datapath: NftablesDatapath;
beforeAll(() => {
  datapath = NftablesDatapath.open();
});
afterAll(async () => {
  await datapath.remove(signal);
  datapath.close();
});

test('a long series of Services, timeouts, pools and egress settings, and restarts with what is left', async () => {
  let node = nodeFacts();
  const facts = new Map<string, FactChange>();
  const living = new Planner(node, defaultPlanOptions);
  await datapath.converge(living.update(), signal);
  for (const [index, { node: next, changes }] of fc
    .sample(step, { numRuns: LIFE, seed: 20261127 })
    .entries()) {
    if (next !== undefined) {
      node = next;
      living.setNode(node);
    }
    for (const change of changes) {
      const name = `${change.kind} ${change.key}`;
      facts.delete(name);
      if (change.fact !== null) facts.set(name, change);
    }
    living.apply(changes);
    const { skeleton } = await datapath.converge(living.update(), signal);
    expect(['kept', 'changed'], `step ${index}`).toContain(skeleton);
    if ((index + 1) % EVERY !== 0) continue;
    const planner = new Planner(node, defaultPlanOptions);
    planner.apply([...facts.values()].reverse());
    const restarted = NftablesDatapath.open();
    const report = await restarted.converge(planner.update(), signal);
    restarted.close();
    const nothing = { skeleton: 'kept', elementsAdded: 0, elementsDeleted: 0 };
    expect(report, `restart behind step ${index}`).toMatchObject(nothing);
  }
}, 240_000);
