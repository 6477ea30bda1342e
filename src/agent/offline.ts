import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { LocalAddress } from '../model/node.ts';
import { Planner } from '../plan/planner.ts';
import { composeNodeFacts } from './node-facts.ts';
import type { PlanSettings } from './settings.ts';
import { NONE_TAKEN, type TakenPorts } from './taken-ports.ts';

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
  readonly problems: readonly Finding[];
}

type OfflineSettings = Omit<PlanSettings, 'nodeName'> & { readonly nodeName: string | null };

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
  settings: OfflineSettings,
  interfaces: readonly LocalAddress[] | null,
  signal: AbortSignal,
  host: TakenPorts = NONE_TAKEN,
): Promise<OfflinePlan> {
  const plans = await OfflinePlans.read(settings, interfaces, signal, host);
  return { planner: plans.of(settings.nodeName ?? plans.onlyNode()), problems: plans.problems };
}

/** One reading of a source, for the plans of its nodes one after the other. */
export class OfflinePlans {
  readonly problems: readonly Finding[];
  readonly #planner: Planner;
  readonly #settings: OfflineSettings;
  readonly #interfaces: readonly LocalAddress[] | null;
  readonly #host: TakenPorts;

  /** As `planOnce`, with the plan of no node yet. */
  static async read(
    settings: OfflineSettings,
    interfaces: readonly LocalAddress[] | null,
    signal: AbortSignal,
    host: TakenPorts = NONE_TAKEN,
  ): Promise<OfflinePlans> {
    const { changes, problems } = await readOnce(settings, signal);
    return new OfflinePlans(settings, interfaces, host, changes, problems);
  }

  private constructor(
    settings: OfflineSettings,
    interfaces: readonly LocalAddress[] | null,
    host: TakenPorts,
    changes: readonly FactChange[],
    problems: readonly Finding[],
  ) {
    this.problems = problems;
    this.#settings = settings;
    this.#interfaces = interfaces;
    this.#host = host;
    const unknown = composeNodeFacts(
      settings.nodeName ?? '',
      undefined,
      settings.nodeConfig,
      interfaces,
      host,
    );
    this.#planner = new Planner(unknown, settings.plan);
    this.#planner.apply(changes);
  }

  /** What names are looked up in, whichever node the plan is of. */
  get facts(): Pick<Planner, 'services' | 'pods' | 'nodes'> {
    return this.#planner;
  }

  /** The plan of the node. It is the same object each time: what was asked for before is of this node now. */
  of(nodeName: string): Planner {
    const { nodeConfig } = this.#settings;
    const object = this.#planner.nodes.get(nodeName);
    this.#planner.setNode(composeNodeFacts(nodeName, object, nodeConfig, this.#interfaces, this.#host));
    this.#planner.update();
    return this.#planner;
  }

  /** Throws NodeNotNamed. */
  onlyNode(): string {
    return onlyNode(this.#settings.source.name, [...this.#planner.nodes.keys()]);
  }
}

async function readOnce({ source }: OfflineSettings, signal: AbortSignal) {
  const changes: FactChange[] = [];
  const problems = new Map<string, readonly Finding[]>();
  const stop = new AbortController();
  await source.run(
    {
      apply: (more) => {
        for (const change of more) changes.push(change);
      },
      report: (origin, found) => problems.set(origin, found),
      synced: () => setImmediate(() => stop.abort()),
    },
    AbortSignal.any([signal, stop.signal]),
  );
  signal.throwIfAborted();
  return { changes, problems: [...problems.values()].flat() };
}

function onlyNode(source: string, names: readonly string[]): string {
  const [only, second] = names;
  if (only === undefined || second !== undefined) throw new NodeNotNamed(source, [...names].sort());
  return only;
}
