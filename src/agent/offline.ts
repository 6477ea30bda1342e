import type { FactChange } from '../model/facts.ts';
import type { LocalAddress } from '../model/node.ts';
import type { Problem } from '../model/problem.ts';
import { Planner } from '../plan/planner.ts';
import { type HostFacts, NOTHING_KNOWN } from './host-facts.ts';
import { composeNodeFacts } from './node-facts.ts';
import { ProblemBoard } from './problems.ts';
import type { PlanSettings } from './settings.ts';

/** It cannot be told which node is meant. */
export class NodeNotNamed extends Error {
  readonly code = 'KNAT_NODE_NOT_NAMED';
  override readonly name = 'NodeNotNamed';
  constructor(source: string, nodes: readonly string[]) {
    const which =
      nodes.length === 0
        ? 'the source holds no Node'
        : `the source holds ${nodes.length} Nodes (${nodes.slice(0, 10).join(', ')}${nodes.length > 10 ? ', …' : ''})`;
    super(`${source}: ${which}, and no node was named`);
  }
}

/** A plan made once from a source, without a kernel. */
export interface OfflinePlan {
  readonly planner: Planner;
  readonly problems: readonly Problem[];
}

/**
 * Reads the source until it is in sync and plans what it says: for `explain` from manifests and for `--dry-run`.
 * Rejects when the source can never work.
 *
 * Without a node's name the only Node of the source is meant; throws NodeNotNamed when that is none or several.
 *
 * @param interfaces the addresses of this machine where it is the node in question; else null
 * @param host what else is known of this machine where it is the node in question
 */
export async function planOnce(
  settings: Omit<PlanSettings, 'nodeName'> & { readonly nodeName: string | null },
  interfaces: readonly LocalAddress[] | null,
  signal: AbortSignal,
  host: HostFacts = NOTHING_KNOWN,
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
  const { nodeConfig, source } = settings;
  const unknown = composeNodeFacts(settings.nodeName ?? '', undefined, nodeConfig, interfaces, host);
  const planner = new Planner(unknown, settings.plan);
  planner.apply(changes);
  const nodeName = settings.nodeName ?? onlyNode(source.name, [...planner.nodes.keys()]);
  planner.setNode(composeNodeFacts(nodeName, planner.nodes.get(nodeName), nodeConfig, interfaces, host));
  planner.update();
  return { planner, problems: board.list() };
}

function onlyNode(source: string, names: readonly string[]): string {
  const [only, second] = names;
  if (only === undefined || second !== undefined) throw new NodeNotNamed(source, [...names].sort());
  return only;
}
