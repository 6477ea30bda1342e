import { FACT_KINDS, type FactChange, type FactKind } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { PodFact } from '../model/pod.ts';
import type { ServiceFact } from '../model/service.ts';
import { compareText } from '../model/text.ts';
import { FactStore } from '../plan/fact-store.ts';
import { addressesOfOthers } from '../plan/service.ts';
import type { SourceSink } from '../sources/source.ts';
import { NodePlan, type NodePlanOptions } from './node-plan.ts';
import { type Claimed, ServiceIndex } from './service-index.ts';

/** Nodes with a plan; further ones are only counted. The plans of 500 nodes take about 100 MiB. */
export const NODES_PLANNED = 500;

/** Of these kinds a plan has some facts; of all others every fact. */
const CHOSEN_KINDS: ReadonlySet<FactKind> = new Set(['Service', 'EndpointSlice', 'Pod']);
const SHARED_KINDS = FACT_KINDS.filter((kind) => !CHOSEN_KINDS.has(kind));

export interface StateListener {
  /** Some plan is not up to date: `settleOne` is of use. */
  changed?(): void;
  /** What cannot be read of one origin; empty when solved. */
  reported?(problems: readonly Finding[]): void;
}

/** The present state of a cluster, ready for questions about any node. Receives what a source reads. */
export class ClusterState implements SourceSink {
  readonly #options: NodePlanOptions;
  readonly #facts = new FactStore();
  readonly #services = new ServiceIndex();
  readonly #plans = new Map<string, NodePlan>();
  readonly #unsettled = new Set<NodePlan>();
  readonly #listener: StateListener;
  #isSynced = false;

  constructor(options: NodePlanOptions, listener: StateListener = {}) {
    this.#options = options;
    this.#listener = listener;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get facts(): Pick<FactStore, 'of' | 'slicesOf'> {
    return this.#facts;
  }

  get nodeCount(): number {
    return this.#facts.of('Node').size;
  }

  get plannedNodes(): number {
    return this.#plans.size;
  }

  /** In the order of their names. */
  plans(): NodePlan[] {
    return [...this.#plans.values()].sort((a, b) => compareText(a.name, b.name));
  }

  plan(node: string): NodePlan | undefined {
    return this.#plans.get(node);
  }

  /** Keys of the Services that claim one of these addresses or node ports. */
  servicesAt(claimed: Claimed): Iterable<string> {
    return this.#services.at(claimed);
  }

  apply(changes: readonly FactChange[]): void {
    const shared: FactChange[] = [];
    for (const change of changes) {
      switch (change.kind) {
        case 'Service':
          this.#services.replace(change.key, this.#facts.of('Service').get(change.key), change.fact);
          if (isOfOthers(this.#facts.of('Service').get(change.key)) || isOfOthers(change.fact)) {
            shared.push(isOfOthers(change.fact) ? change : { ...change, fact: null });
          }
          break;
        case 'EndpointSlice':
          break;
        case 'Pod':
          this.#applyPod(change.key, change.fact);
          break;
        case 'Node':
          this.#applyNode(change.key, change.fact !== null);
          shared.push(change);
          break;
        default:
          shared.push(change);
      }
      this.#facts.put(change);
    }
    if (shared.length > 0) for (const plan of this.#plans.values()) this.#tell(plan, shared);
    if (this.#unsettled.size > 0) this.#listener.changed?.();
  }

  report(_: string, problems: readonly Finding[]): void {
    this.#listener.reported?.(problems);
  }

  synced(): void {
    this.#isSynced = true;
    this.#listener.changed?.();
  }

  /** Brings one plan up to date that changes left behind; false: none is left. A question does it too, but costs more then. */
  settleOne(): boolean {
    const [plan] = this.#unsettled;
    if (plan === undefined) return false;
    this.#unsettled.delete(plan);
    plan.settle();
    return this.#unsettled.size > 0;
  }

  /** A Pod is planned by its own node alone, as an agent does. */
  #applyPod(key: string, fact: PodFact | null): void {
    const before = this.#facts.of('Pod').get(key)?.nodeName;
    const after = fact?.nodeName;
    if (before !== undefined && before !== after) this.#tellNode(before, { kind: 'Pod', key, fact: null });
    if (after !== undefined) this.#tellNode(after, { kind: 'Pod', key, fact });
  }

  #applyNode(name: string, exists: boolean): void {
    if (!exists) {
      const plan = this.#plans.get(name);
      this.#plans.delete(name);
      if (plan !== undefined) this.#unsettled.delete(plan);
      const next = [...this.#facts.of('Node').keys()].find((each) => each !== name && !this.#plans.has(each));
      if (next !== undefined) this.#add(next);
      return;
    }
    if (!this.#plans.has(name)) this.#add(name);
  }

  /** Makes the plan of a node again, after an error that may have left it in the middle of a question. */
  rebuild(name: string): void {
    const plan = this.#plans.get(name);
    if (plan !== undefined) this.#unsettled.delete(plan);
    this.#plans.delete(name);
    this.#add(name);
  }

  #add(name: string): void {
    if (this.#plans.size >= NODES_PLANNED) return;
    const plan = new NodePlan(name, this.#options);
    this.#plans.set(name, plan);
    this.#tell(plan, [...this.#everythingFor(name)]);
  }

  /** What a new node's plan needs of the facts that are known already. */
  *#everythingFor(node: string): Generator<FactChange> {
    for (const kind of SHARED_KINDS) {
      for (const [key, fact] of this.#facts.of(kind)) yield { kind, key, fact } as FactChange;
    }
    for (const [key, fact] of this.#facts.of('Service')) {
      if (isOfOthers(fact)) yield { kind: 'Service', key, fact };
    }
    for (const [key, fact] of this.#facts.of('Pod')) {
      if (fact.nodeName === node) yield { kind: 'Pod', key, fact };
    }
  }

  #tellNode(name: string, change: FactChange): void {
    const plan = this.#plans.get(name);
    if (plan !== undefined) this.#tell(plan, [change]);
  }

  #tell(plan: NodePlan, changes: readonly FactChange[]): void {
    plan.apply(changes);
    this.#unsettled.add(plan);
  }
}

/** Every plan has the Services of other proxies: their addresses are never dropped. */
function isOfOthers(service: ServiceFact | null | undefined): boolean {
  return service != null && addressesOfOthers(service).length > 0;
}
