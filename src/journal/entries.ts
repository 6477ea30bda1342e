import type { ChangedPackets, Effect, HistoryEntry, ObjectChange } from '../forms/journal.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { compareText } from '../model/text.ts';
import { canonicalEntry } from '../plan/canonical.ts';
import type { PlanEntry } from '../plan/entry.ts';
import type { Planner } from '../plan/planner.ts';
import { planChange } from '../what-if/planned.ts';
import { changedPackets } from './changed-packets.ts';
import { fieldChanges } from './field-changes.ts';
import type { NotedEvent } from './lines.ts';
import type { Difference } from './state.ts';

/** Most objects and most effects of one entry; the rest is counted. */
const MOST = 20;

export function eventEntry(position: string, at: number, event: NotedEvent): HistoryEntry {
  const { kind, severity, message } = event;
  const time = new Date(at).toISOString();
  return {
    position,
    at: time,
    event: { kind, severity, message },
    changes: [],
    moreChanges: 0,
    effects: [],
    moreEffects: 0,
  };
}

export interface CommitToTell {
  readonly position: string;
  readonly at: number;
  readonly differences: readonly Difference[];
  /** What else happened with it: the agent started. */
  readonly event: NotedEvent | null;
}

/** What is told of a commit beside its objects and entries. */
export interface ToTell {
  /** Which packets had another fate since. */
  readonly packets: boolean;
}

/**
 * What a commit changed, and what it did to what is translated.
 * @param planner of the state before; it has the state after when this returns. Null: the effects cannot be told
 */
export function commitEntry(commit: CommitToTell, planner: Planner | null, toTell: ToTell): HistoryEntry {
  const { position, at, differences, event } = commit;
  const { effects, packets } =
    planner === null ? NOTHING_KNOWN : consequencesOf(planner, differences, toTell);
  return {
    position,
    at: new Date(at).toISOString(),
    event: event === null ? null : { kind: event.kind, severity: event.severity, message: event.message },
    changes: differences.slice(0, MOST).map(objectChange),
    moreChanges: Math.max(differences.length - MOST, 0),
    effects: effects.slice(0, MOST).map(([key, before, after]) => effectOf(key, before, after)),
    moreEffects: Math.max(effects.length - MOST, 0),
    ...(packets === null ? {} : { packets }),
  };
}

/** Brings a planner from before a commit to after it. */
export function follow(planner: Planner, differences: readonly Difference[]): void {
  planner.apply(changesOf(differences));
  const node = nodeAfter(differences);
  if (node !== null) planner.setNode(node);
}

type Sides = readonly [key: string, before: PlanEntry | undefined, after: PlanEntry | undefined];

interface Consequences {
  readonly effects: readonly Sides[];
  /** Null: not asked for. */
  readonly packets: ChangedPackets | null;
}

const NOTHING_KNOWN: Consequences = { effects: [], packets: null };

function consequencesOf(planner: Planner, differences: readonly Difference[], toTell: ToTell): Consequences {
  const changes = changesOf(differences);
  const planned = planChange(planner, changes, nodeAfter(differences) ?? planner.node, () => null);
  const effects = [...planned.comparison.changed]
    .map(([key, { before, after }]): Sides => [key, before, after])
    .sort(([a], [b]) => compareText(a, b));
  const packets = toTell.packets ? changedPackets(planned) : null; // before the planner has the state after
  follow(planner, differences);
  return { effects, packets };
}

function changesOf(differences: readonly Difference[]): FactChange[] {
  return differences.flatMap(({ kind, key, after }) =>
    kind === null ? [] : [{ kind, key, fact: after } as FactChange],
  );
}

function nodeAfter(differences: readonly Difference[]): NodeFacts | null {
  const change = differences.findLast(({ kind, key }) => kind === null && key === 'node');
  return (change?.after as NodeFacts | undefined) ?? null;
}

function objectChange({ kind, key, before, after, by }: Difference): ObjectChange {
  return {
    object: kind === null ? key : `${kind} ${key}`,
    what: whatHappened(before, after),
    by: by ?? null,
    fields: after === null ? [] : fieldChanges(before, after),
  };
}

function effectOf(key: string, before: PlanEntry | undefined, after: PlanEntry | undefined): Effect {
  const [from, to] = [before, after].map((entry) => (entry === undefined ? null : canonicalEntry(entry)));
  const owner = to ?? from;
  return {
    key,
    what: whatHappened(from, to),
    owner: owner != null && 'owner' in owner && owner.owner !== '' ? owner.owner : null,
    fields: to === null ? [] : fieldChanges(from, to),
  };
}

function whatHappened(before: unknown, after: unknown): ObjectChange['what'] {
  if (before === null) return 'appeared';
  return after === null ? 'gone' : 'changed';
}
