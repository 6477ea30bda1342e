import type { NatPlan } from '../../plan/nat-plan.ts';
import { ConntrackConnection } from '../../wire/conntrack/connection.ts';
import { inTurns, stepsOfTable } from '../../wire/conntrack/table.ts';
import type { FlowChanges } from './flow-changes.ts';
import { StaleFlowJudge } from './stale-flows.ts';

/**
 * Deletes the conntrack entries that changes of the plan made stale, while the table is read: each very entry, never a
 * later one of the same addresses. Call it when the plan is in force in the kernel.
 */
export class StaleFlowCleaner {
  readonly #connection = ConntrackConnection.open();

  /**
   * In turns of some milliseconds, between which others work.
   *
   * @returns how many entries were deleted
   */
  async clean(
    plan: Pick<NatPlan, 'entry' | 'entryAt'>,
    changes: FlowChanges,
    signal?: AbortSignal,
  ): Promise<number> {
    const deleted = { count: 0 };
    for await (const _ of inTurns(this.#steps(plan, changes, deleted))) signal?.throwIfAborted();
    return deleted.count;
  }

  /** Without a pause, for those who are about to end. */
  cleanAtOnce(plan: Pick<NatPlan, 'entry' | 'entryAt'>, changes: FlowChanges): number {
    const deleted = { count: 0 };
    for (const _ of this.#steps(plan, changes, deleted));
    return deleted.count;
  }

  #steps(
    plan: Pick<NatPlan, 'entry' | 'entryAt'>,
    changes: FlowChanges,
    deleted: { count: number },
  ): Generator<undefined> {
    const judge = new StaleFlowJudge(plan, changes);
    return stepsOfTable((flow) => {
      if (judge.isStale(flow) && this.#connection.delete(flow.copy())) deleted.count++;
    });
  }

  close(): void {
    this.#connection.close();
  }
}
