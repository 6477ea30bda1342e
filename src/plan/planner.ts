import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { FactChange, FactKind, FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import { emptyFragment, type Fragment } from './fragment.ts';
import { FragmentUnion, type NatPlan } from './nat-plan.ts';
import type { PlanOptions } from './options.ts';
import { podFragment } from './pod.ts';
import { scopeFragment } from './pools.ts';
import { serviceFragment } from './service.ts';

type Store<Kind extends FactKind> = Map<string, FactTypes[Kind]>;

const SCOPE = 'scope';

/**
 * Keeps the facts and turns what changed into fragments. `apply` only marks; `update` computes. The plan after
 * `update` depends on the current facts alone: any order of changes gives the same as computing from scratch.
 */
export class Planner {
  readonly #services: Store<'Service'> = new Map();
  readonly #slices: Store<'EndpointSlice'> = new Map();
  readonly #pods: Store<'Pod'> = new Map();
  readonly #nodes: Store<'Node'> = new Map();
  readonly #pools: Store<'IPPool'> = new Map();
  /** Service key → its slices by key. */
  readonly #slicesOf = new Map<string, Map<string, EndpointSliceFact>>();
  readonly #dirty = new Set<string>();
  readonly #union = new FragmentUnion();
  readonly #options: PlanOptions;
  #node: NodeFacts;

  constructor(node: NodeFacts, options: PlanOptions) {
    this.#node = node;
    this.#options = options;
    this.#dirty.add(SCOPE);
  }

  get plan(): NatPlan {
    return this.#union;
  }

  get node(): NodeFacts {
    return this.#node;
  }

  /** The Node objects, for those who work out the facts of this node. */
  get nodes(): ReadonlyMap<string, FactTypes['Node']> {
    return this.#nodes;
  }

  /** Replaces the facts of this node; every fragment is computed anew, what comes out equal changes nothing. */
  setNode(node: NodeFacts): void {
    this.#node = node;
    this.#dirty.add(SCOPE);
    for (const key of this.#services.keys()) this.#dirty.add(`Service ${key}`);
    for (const key of this.#pods.keys()) this.#dirty.add(`Pod ${key}`);
  }

  /** Takes over the current values of objects. */
  apply(changes: Iterable<FactChange>): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'Service':
          put(this.#services, change.key, change.fact);
          this.#dirty.add(`Service ${change.key}`);
          break;
        case 'EndpointSlice':
          this.#applySlice(change.key, change.fact);
          break;
        case 'Pod':
          put(this.#pods, change.key, change.fact);
          this.#dirty.add(`Pod ${change.key}`);
          break;
        case 'Node':
          put(this.#nodes, change.key, change.fact);
          this.#dirty.add(SCOPE);
          break;
        case 'IPPool':
          put(this.#pools, change.key, change.fact);
          this.#dirty.add(SCOPE);
          break;
        default:
          change satisfies never;
      }
    }
  }

  /** Computes the fragments of what changed and returns the plan. */
  update(): NatPlan {
    for (const name of this.#dirty) this.#union.replace(name, this.#fragment(name));
    this.#dirty.clear();
    this.#union.seal();
    return this.#union;
  }

  #applySlice(key: string, fact: EndpointSliceFact | null): void {
    const old = this.#slices.get(key);
    if (old !== undefined) {
      const service = objectKey(old.namespace, old.serviceName);
      const siblings = this.#slicesOf.get(service);
      siblings?.delete(key);
      if (siblings?.size === 0) this.#slicesOf.delete(service);
      this.#dirty.add(`Service ${service}`);
    }
    put(this.#slices, key, fact);
    if (fact === null) return;
    const service = objectKey(fact.namespace, fact.serviceName);
    const siblings = this.#slicesOf.get(service);
    if (siblings === undefined) this.#slicesOf.set(service, new Map([[key, fact]]));
    else siblings.set(key, fact);
    this.#dirty.add(`Service ${service}`);
  }

  #fragment(name: string): Fragment {
    const { enable } = this.#options;
    if (name === SCOPE) {
      return scopeFragment([...this.#pools.values()], [...this.#nodes.values()], this.#node, this.#options);
    }
    const key = name.slice(name.indexOf(' ') + 1);
    if (name.startsWith('Service ')) {
      const service = this.#services.get(key);
      return service !== undefined && enable.service
        ? serviceFragment(service, this.#slicesInOrder(key), this.#node)
        : emptyFragment;
    }
    const pod = this.#pods.get(key);
    return pod !== undefined && enable.pod ? podFragment(pod, this.#node, this.#options) : emptyFragment;
  }

  #slicesInOrder(service: string): readonly EndpointSliceFact[] {
    const slices = this.#slicesOf.get(service);
    if (slices === undefined) return [];
    if (slices.size === 1) return [...slices.values()];
    return [...slices].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, slice]) => slice);
  }
}

function put<Fact>(store: Map<string, Fact>, key: string, fact: Fact | null): void {
  if (fact === null) store.delete(key);
  else store.set(key, fact);
}
