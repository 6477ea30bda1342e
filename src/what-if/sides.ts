import type { WalkedNode } from '../explain/own.ts';
import type { walk } from '../explain/walk.ts';
import type { EgressSource, PlanEntry, PodSource, PodSourcePort } from '../plan/entry.ts';

/** The same for the state before a change and the state after it. */
export interface Both<Value> {
  readonly before: Value;
  readonly after: Value;
}

export const SIDES = ['before', 'after'] as const satisfies readonly (keyof Both<unknown>)[];

/** What `walk` needs of one state. */
export interface Side {
  readonly plan: Parameters<typeof walk>[0];
  readonly node: WalkedNode;
}

export type ChangedEntry = Both<PlanEntry | undefined>;

/** Entries that decide by the source of a packet. */
export type SourceEntry = EgressSource | PodSource | PodSourcePort;
