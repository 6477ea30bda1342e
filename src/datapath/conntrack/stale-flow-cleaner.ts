import { setImmediate as turn } from 'node:timers/promises';
import type { NatPlan } from '../../plan/nat-plan.ts';
import { ConntrackConnection } from '../../wire/conntrack/connection.ts';
import type { ConntrackEntry } from '../../wire/conntrack/entry.ts';
import { inTurns, TableReader } from '../../wire/conntrack/table.ts';
import type { FlowChanges } from './flow-changes.ts';
import { StaleFlowJudge } from './stale-flows.ts';

type Plan = Pick<NatPlan, 'entry' | 'entryAt'>;

/** Deletes conntrack entries that the plan in force makes stale, never a later entry of the same addresses. */
export class StaleFlowCleaner {
  readonly #connection = new ConntrackConnection();
  /** A deletion cannot use the connection of a reading. */
  readonly #reader = new TableReader();

  /** Works in turns of some milliseconds. Returns how many entries were deleted. */
  async clean(plan: Plan, changes: FlowChanges, signal?: AbortSignal): Promise<number> {
    const deleted = { count: 0 };
    for await (const _ of inTurns(this.#steps(plan, changes, deleted), async () => await turn()))
      signal?.throwIfAborted();
    return deleted.count;
  }

  /** As `clean`, without a pause: for an agent that is about to end. */
  cleanAtOnce(plan: Plan, changes: FlowChanges): number {
    const deleted = { count: 0 };
    for (const _ of this.#steps(plan, changes, deleted));
    return deleted.count;
  }

  /** One step for each datagram read and for each entry deleted. */
  *#steps(plan: Plan, changes: FlowChanges, deleted: { count: number }): Generator<undefined> {
    const judge = new StaleFlowJudge(plan, changes);
    const found: ConntrackEntry[] = [];
    const reading = this.#reader.steps((flow) => {
      if (judge.isStale(flow)) found.push(flow.copy());
    });
    try {
      for (let isOver = false; !isOver; ) {
        isOver = reading.next().done === true;
        yield;
        for (const entry of found.splice(0)) {
          if (this.#connection.delete(entry)) deleted.count++;
          yield;
        }
      }
    } finally {
      reading.return(undefined);
    }
  }

  close(): void {
    this.#connection.close();
    this.#reader.close();
  }
}
