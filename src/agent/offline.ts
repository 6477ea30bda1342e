import type { FactChange } from '../model/facts.ts';
import type { LocalAddress } from '../model/node.ts';
import type { Problem } from '../model/problem.ts';
import { Planner } from '../plan/planner.ts';
import { composeNodeFacts } from './node-facts.ts';
import { ProblemBoard } from './problems.ts';
import type { PlanSettings } from './settings.ts';

/** A plan made once from a source, without a kernel. */
export interface OfflinePlan {
  readonly planner: Planner;
  readonly problems: readonly Problem[];
}

/**
 * Reads the source until it is in sync and plans what it says: for `explain` from manifests and for `--dry-run`.
 * Rejects when the source can never work.
 *
 * @param interfaces the addresses of this machine where it is the node in question; else null
 */
export async function planOnce(
  settings: PlanSettings,
  interfaces: readonly LocalAddress[] | null,
  signal: AbortSignal,
): Promise<OfflinePlan> {
  const changes: FactChange[] = [];
  const board = new ProblemBoard();
  const stop = new AbortController();
  await settings.source.run(
    {
      apply: (more) => {
        for (const change of more) changes.push(change);
      },
      report: (origin, problems) => {
        board.replace(origin, problems);
      },
      synced: () => setImmediate(() => stop.abort()),
    },
    AbortSignal.any([signal, stop.signal]),
  );
  signal.throwIfAborted();
  const { nodeName, nodeConfig } = settings;
  const planner = new Planner(composeNodeFacts(nodeName, undefined, nodeConfig, interfaces), settings.plan);
  planner.apply(changes);
  planner.setNode(composeNodeFacts(nodeName, planner.nodes.get(nodeName), nodeConfig, interfaces));
  planner.update();
  return { planner, problems: board.list() };
}
