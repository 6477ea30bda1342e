import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { LocalAddress, NodeFact, NodeFacts } from '../model/node.ts';
import type { IpAddress } from '../net/address.ts';
import { Planner } from '../plan/planner.ts';
import { type PlannedChange, planChange } from '../what-if/planned.ts';
import { furtherAddresses } from './further-addresses.ts';
import { bearing, composeNodeFacts } from './node-facts.ts';
import type { PlanSettings } from './settings.ts';
import { NONE_TAKEN, type TakenPorts } from './taken-ports.ts';

/** No node was named, and the source does not have exactly one. */
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

type OfflineSettings = Omit<PlanSettings, 'nodeName' | 'source'> & {
  readonly nodeName: string | null;
  readonly source: { readonly name: string };
};
type ReadSettings = OfflineSettings & Pick<PlanSettings, 'source'>;

/**
 * Reads the source until it is in sync and plans without a kernel: for `explain` from manifests and `--dry-run`.
 * Rejects if the source can never work. Without a node name it uses the only Node of the source; throws NodeNotNamed
 * unless there is exactly one.
 *
 * @param interfaces this machine's addresses if it is the node in question, otherwise null
 * @param host further facts of this machine if it is the node in question
 */
export async function planOnce(
  settings: ReadSettings,
  interfaces: readonly LocalAddress[] | null,
  signal: AbortSignal,
  host: TakenPorts = NONE_TAKEN,
): Promise<{ readonly planner: Planner; readonly problems: readonly Finding[] }> {
  const plans = await OfflinePlans.read(settings, interfaces, signal, host);
  return { planner: plans.of(settings.nodeName ?? plans.onlyNode()), problems: plans.problems };
}

/** One reading of a source, for planning its nodes one after the other. */
export class OfflinePlans {
  readonly problems: readonly Finding[];
  readonly #planner: Planner;
  readonly #settings: OfflineSettings;
  readonly #interfaces: readonly LocalAddress[] | null;
  readonly #host: TakenPorts;

  /** As `planOnce`, but without a plan. */
  static async read(
    settings: ReadSettings,
    interfaces: readonly LocalAddress[] | null,
    signal: AbortSignal,
    host: TakenPorts = NONE_TAKEN,
  ): Promise<OfflinePlans> {
    const { changes, problems } = await readOnce(settings, signal);
    const plans = new OfflinePlans(settings, interfaces, host, problems);
    plans.#planner.apply(changes);
    return plans;
  }

  /** Plans of facts that are given instead of read. */
  static given(
    settings: OfflineSettings,
    interfaces: readonly LocalAddress[],
    host: TakenPorts,
  ): OfflinePlans {
    return new OfflinePlans(settings, interfaces, host, []);
  }

  /** Adds facts. */
  take(changes: readonly FactChange[]): void {
    this.#planner.apply(changes);
  }

  private constructor(
    settings: OfflineSettings,
    interfaces: readonly LocalAddress[] | null,
    host: TakenPorts,
    problems: readonly Finding[],
  ) {
    const { nodeName, nodeConfig, plan } = settings;
    this.problems = problems;
    this.#settings = settings;
    this.#interfaces = interfaces;
    this.#host = host;
    const node = composeNodeFacts(nodeName ?? '', undefined, nodeConfig, interfaces, host);
    this.#planner = new Planner(node, plan);
  }

  /** All that was read. */
  get everything(): Planner['facts'] {
    return this.#planner.facts;
  }

  /**
   * What a change does on a node; the facts stay as they were read. The result is valid until the next call.
   * @param look called with the plan before and with that after the change
   * @param borne addresses that the node is said to bear
   * @returns also the addresses that the node is assumed to bear, since objects name them and nothing else tells
   */
  change<Seen>(
    nodeName: string,
    changes: readonly FactChange[],
    look: (planner: Planner) => Seen,
    borne: readonly IpAddress[] = [],
  ): PlannedChange<Seen> & { readonly assumed: readonly IpAddress[] } {
    const known = this.of(nodeName, borne);
    const assumed = this.arePartlyKnown ? furtherAddresses(known, changes) : [];
    const further = [...borne, ...assumed];
    const planner = assumed.length === 0 ? known : this.of(nodeName, further);
    const own = changes.findLast(({ kind, key }) => kind === 'Node' && key === nodeName);
    const node = own === undefined ? planner.node : bearing(this.#nodeFacts(nodeName, own), further);
    return { ...planChange(planner, changes, node, look), assumed };
  }

  #nodeFacts(nodeName: string, { fact }: FactChange): NodeFacts {
    const { nodeConfig } = this.#settings;
    const object = (fact as NodeFact | null) ?? undefined;
    return composeNodeFacts(nodeName, object, nodeConfig, this.#interfaces, this.#host);
  }

  /** Objects for looking up names; the same for all nodes. */
  get facts(): Pick<Planner, 'services' | 'pods' | 'nodes'> {
    return this.#planner;
  }

  /** Only objects tell of the nodes: no interfaces are known, and no `localNodeIPs` are configured. */
  get arePartlyKnown(): boolean {
    return this.#interfaces === null && this.#settings.nodeConfig.localNodeIPs === undefined;
  }

  /**
   * Returns the same object each time: an earlier answer changes with the next call.
   *
   * @param further addresses that the node is taken to bear too
   */
  of(nodeName: string, further: readonly IpAddress[] = []): Planner {
    const { nodeConfig } = this.#settings;
    const object = this.#planner.nodes.get(nodeName);
    const facts = composeNodeFacts(nodeName, object, nodeConfig, this.#interfaces, this.#host);
    this.#planner.setNode(bearing(facts, further));
    this.#planner.update();
    return this.#planner;
  }

  /** Throws NodeNotNamed. */
  onlyNode(): string {
    const names = [...this.#planner.nodes.keys()].sort();
    const [only, second] = names;
    if (only === undefined || second !== undefined) throw new NodeNotNamed(this.#settings.source.name, names);
    return only;
  }
}

async function readOnce({ source }: ReadSettings, signal: AbortSignal) {
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
