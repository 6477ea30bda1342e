import { composeNodeFacts } from '../agent/node-facts.ts';
import type { FactChange } from '../model/facts.ts';
import type { NodeFact, NodeFacts } from '../model/node.ts';
import type { PlanOptions } from '../plan/options.ts';
import { Planner } from '../plan/planner.ts';
import type { NodeConfig } from '../sources/objects/node-config.ts';
import { type PlannedChange, planChange } from '../what-if/planned.ts';

export interface NodePlanOptions {
  readonly nodeConfig: NodeConfig;
  readonly plan: PlanOptions;
}

/**
 * The plan of one node without its Services: these are put in for a question, only those that it concerns. So the state
 * of many nodes stays small, and a question costs what it concerns.
 */
export class NodePlan {
  readonly name: string;
  readonly #options: NodePlanOptions;
  readonly #planner: Planner;

  constructor(name: string, options: NodePlanOptions) {
    this.name = name;
    this.#options = options;
    this.#planner = new Planner(this.#nodeFacts(undefined), options.plan);
  }

  /** The facts that stay: of the node's own Pods, and of all nodes. */
  apply(changes: readonly FactChange[]): void {
    this.#planner.apply(changes);
    if (changes.some((change) => this.#isOwnNode(change))) {
      this.#planner.setNode(this.#nodeFacts(this.#planner.nodes.get(this.name)));
    }
  }

  /** Brings the plan up to date, so that the next question need not. */
  settle(): void {
    this.#planner.update();
  }

  /**
   * What a change does on the node. After an error the plan is not to be used any more.
   * @param borrowed facts that the question concerns; they are put back afterwards
   * @param look called with the plan before the change and with that after it
   */
  ask<Answer>(
    borrowed: readonly FactChange[],
    changes: readonly FactChange[],
    look: (planned: PlannedChange<Answer>) => void,
    see: (planner: Planner) => Answer,
  ): void {
    const planner = this.#planner;
    const reverse = borrowed.map(({ kind, key }) => {
      return { kind, key, fact: planner.facts.of(kind).get(key) ?? null } as FactChange;
    });
    planner.apply(borrowed);
    const own = changes.findLast((change) => this.#isOwnNode(change));
    const node =
      own === undefined ? planner.node : this.#nodeFacts((own.fact as NodeFact | null) ?? undefined);
    look(planChange(planner, changes, node, see));
    planner.apply(reverse);
    planner.update();
  }

  #isOwnNode({ kind, key }: FactChange): boolean {
    return kind === 'Node' && key === this.name;
  }

  #nodeFacts(object: NodeFact | undefined): NodeFacts {
    return composeNodeFacts(this.name, object, this.#options.nodeConfig, null);
  }
}
