import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { Conflict } from '../plan/claims.ts';
import type { PlanEntry } from '../plan/entry.ts';
import type { Planner } from '../plan/planner.ts';
import { type Comparison, comparePlans } from './comparison.ts';
import type { Both } from './sides.ts';

/** A comparison, and what several objects claim on both sides. */
export interface PlannedChange<Seen> {
  readonly comparison: Comparison;
  readonly conflicts: Both<ReadonlyMap<string, Conflict>>;
  readonly seen: Both<Seen>;
}

/**
 * Plans the change, looks at it, and plans everything as it was again: costs what changed, and needs no second plan.
 * The planner must not be used by others meanwhile, and not be changed while the comparison is used.
 *
 * @param node the facts of the node with the change
 * @param look called on each side
 */
export function planChange<Seen>(
  planner: Planner,
  changes: readonly FactChange[],
  node: NodeFacts,
  look: (planner: Planner) => Seen,
): PlannedChange<Seen> {
  const { node: nodeBefore } = planner;
  const plan = planner.update();
  const { revision } = plan;
  const reverse = changes.map(({ kind, key }) => {
    return { kind, key, fact: planner.facts.of(kind).get(key) ?? null } as FactChange;
  });
  const put = (facts: readonly FactChange[], of: NodeFacts) => {
    planner.apply(facts);
    if (of !== planner.node) planner.setNode(of);
    planner.update();
  };
  put(changes, node);
  const changed = plan.changedSince(revision);
  if (changed === null) throw new RangeError('a change makes a few revisions, and more are remembered');
  const after = new Map<string, PlanEntry | undefined>();
  for (const key of changed) after.set(key, plan.entry(key));
  const conflictsAfter = new Map(plan.conflicts);
  const heldAfter = planner.heldNode;
  const seenAfter = look(planner);
  put(reverse, nodeBefore);
  return {
    comparison: comparePlans(plan, after, { before: planner.heldNode, after: heldAfter }),
    conflicts: { before: plan.conflicts, after: conflictsAfter },
    seen: { before: look(planner), after: seenAfter },
  };
}
