import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeFacts } from '../../test/generators/build.ts';
import { factChange, thisNode } from '../../test/generators/facts.ts';
import type { Entry } from '../forms/entries.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { formatRef } from '../model/object.ts';
import { canonicalEntry, canonicalPlan } from './canonical.ts';
import type { NatPlan } from './nat-plan.ts';
import { defaultPlanOptions } from './options.ts';
import { Planner } from './planner.ts';

/** What may happen to a planner. `look`: someone reads the plan and remembers its revision. */
type Command =
  | { readonly kind: 'change'; readonly changes: readonly FactChange[] }
  | { readonly kind: 'node'; readonly node: NodeFacts }
  | { readonly kind: 'update' }
  | { readonly kind: 'look' };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .array(factChange, { minLength: 1, maxLength: 3 })
      .map((changes) => ({ kind: 'change' as const, changes })),
  },
  { weight: 1, arbitrary: thisNode.map((node) => ({ kind: 'node' as const, node })) },
  { weight: 3, arbitrary: fc.constant({ kind: 'update' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'look' as const }) },
);

/** A series of commands in which some of the earlier ones come again. */
const series: fc.Arbitrary<Command[]> = fc
  .tuple(
    fc.array(command, { maxLength: 30, size: 'max' }),
    fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 5 }),
  )
  .map(([commands, repeats]) => {
    const all = [...commands];
    for (const [from, to] of repeats) {
      const again = commands[from];
      if (again !== undefined) all.splice(to, 0, again);
    }
    return all;
  });

/** Everything that a plan says, in an order that does not depend on how it came about. */
function content(plan: NatPlan) {
  return {
    entries: canonicalPlan(plan),
    conflicts: [...plan.conflicts].sort(([a], [b]) => (a < b ? -1 : 1)),
    notices: [...plan.notices()].map((notice) => JSON.stringify(notice)).sort(),
  };
}

/** The plan of these facts alone, computed at once. */
function fromScratch(node: NodeFacts, facts: ReadonlyMap<string, FactChange>): NatPlan {
  const planner = new Planner(node, defaultPlanOptions);
  planner.apply([...facts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change));
  return planner.update();
}

interface Look {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

function look(plan: NatPlan): Look {
  return {
    revision: plan.revision,
    entries: new Map([...plan.entries()].map((entry) => [entry.key, canonicalEntry(entry)])),
  };
}

function run(commands: readonly Command[]): { plan: NatPlan; expected: NatPlan; looks: Look[] } {
  let node = nodeFacts();
  const planner = new Planner(node, defaultPlanOptions);
  const facts = new Map<string, FactChange>();
  const looks: Look[] = [];
  for (const next of commands) {
    switch (next.kind) {
      case 'change':
        planner.apply(next.changes);
        for (const change of next.changes) {
          if (change.fact === null) facts.delete(`${change.kind} ${change.key}`);
          else facts.set(`${change.kind} ${change.key}`, change);
        }
        break;
      case 'node':
        node = next.node;
        planner.setNode(node);
        break;
      case 'update':
        planner.update();
        break;
      case 'look':
        looks.push(look(planner.update()));
        break;
      default:
        next satisfies never;
    }
  }
  return { plan: planner.update(), expected: fromScratch(node, facts), looks };
}

test('any series of changes gives the plan, the conflicts and the notices of the final facts', () => {
  fc.assert(
    fc.property(series, (commands) => {
      const { plan, expected } = run(commands);
      expect(content(plan)).toEqual(content(expected));
    }),
    { numRuns: 400 },
  );
});

test('the counts are those of the entries', () => {
  fc.assert(
    fc.property(series, (commands) => {
      const { plan } = run(commands);
      const kinds = [...plan.entries()].map(({ kind }) => kind);
      for (const kind of [
        'ServiceFrontend',
        'PodBinding',
        'PodSource',
        'ClusterAddress',
        'FamilyScope',
      ] as const) {
        expect(plan.count(kind), kind).toBe(kinds.filter((each) => each === kind).length);
      }
      const services = new Set<string>();
      for (const entry of plan.entries()) {
        if (entry.kind === 'ServiceFrontend') services.add(formatRef(entry.owner));
      }
      expect(plan.countServices()).toBe(services.size);
    }),
    { numRuns: 200 },
  );
});

test('replaying the changed keys onto an older plan gives the newer one', () => {
  fc.assert(
    fc.property(series, (commands) => {
      const { plan, looks } = run(commands);
      const now = look(plan);
      for (const then of looks) {
        const changed = plan.changedSince(then.revision);
        if (changed === null) throw new Error(`revision ${then.revision} of ${plan.revision} is forgotten`);
        const replayed = new Map(then.entries);
        for (const key of changed) {
          const entry = plan.entry(key);
          if (entry === undefined) replayed.delete(key);
          else replayed.set(key, canonicalEntry(entry));
        }
        expect(new Map([...replayed].sort())).toEqual(new Map([...now.entries].sort()));
      }
    }),
    { numRuns: 200 },
  );
});

test('a repeated update of the same facts changes no revision', () => {
  fc.assert(
    fc.property(fc.array(factChange, { maxLength: 20 }), thisNode, (changes, node) => {
      const planner = new Planner(node, defaultPlanOptions);
      planner.apply(changes);
      const { revision } = planner.update();
      // What was replaced within the round would come back for a moment: only the last values are the facts.
      const last = new Map(changes.map((change) => [`${change.kind} ${change.key}`, change]));
      planner.apply(last.values());
      planner.setNode(structuredClone(node));
      expect(planner.update().revision).toBe(revision);
    }),
    { numRuns: 100 },
  );
});
