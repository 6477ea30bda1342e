import type { WalkedNode } from '../explain/own.ts';
import { deepEqual } from '../model/equal.ts';
import type { PlanEntry } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import { PlanView } from './plan-view.ts';
import type { Both, ChangedEntry, Side, SourceEntry } from './sides.ts';

/** Two states of one node, and what is different in them. */
export interface Comparison extends Both<Side> {
  readonly nodeName: string;
  /** By key; entries that are equal are left out. */
  readonly changed: ReadonlyMap<string, ChangedEntry>;
  readonly sourceEntries: Both<readonly SourceEntry[]>;
  /** The entries that both states have, in no order. */
  unchanged(): Iterable<PlanEntry>;
}

/**
 * @param plan the state before; it must not change while the comparison is used
 * @param after the entries after the change of all keys that may differ; undefined: there is none
 */
export function comparePlans(
  plan: NatPlan,
  after: ReadonlyMap<string, PlanEntry | undefined>,
  nodes: Both<WalkedNode>,
): Comparison {
  const changed = new Map<string, ChangedEntry>();
  for (const [key, entry] of after) {
    const before = plan.entry(key);
    if (!deepEqual(before, entry)) changed.set(key, { before, after: entry });
  }
  function* unchanged(): Generator<PlanEntry> {
    for (const entry of plan.entries()) if (!changed.has(entry.key)) yield entry;
  }
  const sourceEntries = sourceEntriesOf(plan, changed, unchanged);
  const side = (name: keyof Both<unknown>): Side => ({
    plan: new PlanView(plan, changed, name, sourceEntries[name]),
    node: nodes[name],
  });
  return {
    nodeName: nodes.after.nodeName,
    before: side('before'),
    after: side('after'),
    changed,
    sourceEntries,
    unchanged,
  };
}

function sourceEntriesOf(
  plan: NatPlan,
  changed: Comparison['changed'],
  unchanged: Comparison['unchanged'],
): Both<readonly SourceEntry[]> {
  const kinds = ['EgressSource', 'PodSource', 'PodSourcePort'] as const;
  const shared: SourceEntry[] = [];
  if (kinds.some((kind) => plan.count(kind) > 0)) {
    for (const entry of unchanged()) if (isSourceEntry(entry)) shared.push(entry);
  }
  const of = (name: keyof Both<unknown>) => [
    ...shared,
    ...[...changed.values()].flatMap(({ [name]: entry }) =>
      entry !== undefined && isSourceEntry(entry) ? [entry] : [],
    ),
  ];
  return { before: of('before'), after: of('after') };
}

function isSourceEntry(entry: PlanEntry): entry is SourceEntry {
  return entry.kind === 'EgressSource' || entry.kind === 'PodSource' || entry.kind === 'PodSourcePort';
}
