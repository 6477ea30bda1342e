import { grouped } from '../base/collect.ts';
import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { deepEqual } from '../model/equal.ts';
import type { FactChange } from '../model/facts.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { ServiceFact } from '../model/service.ts';
import type { IpAddress } from '../net/address.ts';
import type { PortSpan } from '../net/port.ts';
import { EgressPlanner } from './egress-rules.ts';
import { FactStore } from './fact-store.ts';
import { emptyFragment, type Fragment, fragmentOf } from './fragment.ts';
import { FragmentUnion } from './fragment-union.ts';
import { hostPortHolders, lostHostPorts, withHolders } from './host-listeners.ts';
import type { NatPlan } from './nat-plan.ts';
import type { PlanOptions } from './options.ts';
import { PortOwners } from './owned-ports.ts';
import { claimsPorts, type PodPeers, podFragment } from './pod.ts';
import { type BeyondLimits, beyondLimits } from './pod-nat-policy.ts';
import { isolatedScope, type ScopeFragment } from './scope.ts';
import { addressesOfOthers, serviceFragment } from './service.ts';
import { withEndpoints } from './service-endpoints.ts';
import { SizeBounds } from './size-bounds.ts';
import { everyPort, sourcePortsFragment } from './source-ports.ts';
import { addressesHere, strayPods } from './stray-pods.ts';

/** By keys of Pods. */
type PodLimits = ReadonlyMap<string, BeyondLimits>;

const noPorts: readonly PortSpan[] = [];

const noLimits: PodLimits = new Map();

/**
 * Turns changed facts into fragments. `apply` only marks; `update` computes. The plan after `update` depends on the
 * current facts alone: any order of changes gives the same as computing from scratch.
 */
export class Planner {
  /** Services whose slices changed. */
  readonly #movedServices = new Set<string>();
  readonly #facts = new FactStore((service) => {
    if (!this.#dirtyServices.has(service)) this.#movedServices.add(service);
  });
  readonly nodes = this.#facts.of('Node');
  readonly services = this.#facts.of('Service');
  readonly pods = this.#facts.of('Pod');
  readonly externalIPs: PlanOptions['externalIPs'];
  readonly enable: PlanOptions['enable'];
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyPods = new Set<string>();
  #dirtyScope = true;
  #podsMoved = true;
  #strayPods: readonly IpAddress[] = [];
  /** The EgressRules, or what they depend on (scope, Pods, Namespaces), changed. */
  #dirtyEgress = true;
  #scopes: ScopeFragment['scopes'] | null = null;
  readonly #egressRules = new EgressPlanner();
  readonly #union = new FragmentUnion();
  readonly #portOwners = new PortOwners();
  readonly #bounds: SizeBounds;
  #localAddresses: ReadonlySet<IpAddress>;
  /** What the free source ports were last computed from, in addition to their owners. */
  #portFacts: readonly unknown[] = [];
  /** The ports that translated connections may have, by these facts. */
  #wantedPorts: readonly PortSpan[] = [];
  readonly #options: PlanOptions;
  #node: NodeFacts;
  /** Host ports of the Pods of this node; null: to be computed again. */
  #hostPorts: readonly HostListener[] | null = null;
  /** As `heldNode`; null: to be computed again. */
  #heldNode: NodeFacts | null = null;

  constructor(node: NodeFacts, options: PlanOptions) {
    this.#node = node;
    this.#localAddresses = addressesOf(node);
    this.#options = options;
    this.externalIPs = options.externalIPs;
    this.enable = options.enable;
    this.#bounds = new SizeBounds(options.sizes);
  }

  get plan(): NatPlan {
    return this.#union;
  }

  get node(): NodeFacts {
    return this.#node;
  }

  /** The facts of this node, whose `listeners` include port mappings of other programs and host ports of its Pods. */
  get heldNode(): NodeFacts {
    this.#heldNode ??= withHolders(this.#node, this.#holders());
    return this.#heldNode;
  }

  /** All facts that were applied, by kind and key. */
  get facts(): Pick<FactStore, 'of'> {
    return this.#facts;
  }

  slicesOf(service: string): readonly EndpointSliceFact[] {
    return this.#facts.slicesOf(service);
  }

  /**
   * Computes all fragments again, with two exceptions: a change of listening sockets and port mappings, which is
   * frequent, concerns Pods only, and a change of reserved ports concerns no Service.
   */
  setNode(node: NodeFacts): void {
    const before = this.#node;
    this.#node = node;
    for (const key of this.pods.keys()) this.#dirtyPods.add(key);
    this.#heldNode = null;
    if (before.nodeName !== node.nodeName) this.#hostPorts = null;
    const { listeners, portRules } = node;
    const known = { ...before, listeners, portRules };
    if (deepEqual(known, node)) return;
    if (!deepEqual(before.localAddresses, node.localAddresses)) this.#localAddresses = addressesOf(node);
    this.#dirtyScope = true;
    if (deepEqual({ ...known, reservedPorts: node.reservedPorts }, node)) return;
    for (const key of this.services.keys()) this.#dirtyServices.add(key);
  }

  apply(changes: Iterable<FactChange>): void {
    for (const change of changes) {
      this.#mark(change);
      this.#facts.put(change);
    }
  }

  /** Marks what a change concerns. The facts are still those before it. */
  #mark(change: FactChange): void {
    const { key } = change;
    switch (change.kind) {
      case 'Service':
        this.#dirtyServices.add(key);
        // Addresses of other proxies are not dropped, although they are in the service CIDRs.
        this.#dirtyScope ||= !isAlike(addressesOfOthers, this.services.get(key), change.fact);
        break;
      case 'EndpointSlice':
        break; // the store tells which Services they concern
      case 'Pod':
        this.#markPod(key, change.fact);
        break;
      case 'Namespace':
        if (this.#options.podNatPolicy.namespaceSelector !== null) this.#dirtyPodsOf(new Set([key]));
        this.#dirtyEgress = true;
        break;
      case 'EgressRule':
        this.#egressRules.forget();
        this.#dirtyEgress = true;
        break;
      case 'Node':
      case 'IPPool':
      case 'FelixConfiguration':
      case 'ServiceCIDR':
      case 'IpMasqAgent':
        this.#dirtyScope = true;
        break;
      default:
        change satisfies never;
    }
  }

  #markPod(key: string, fact: PodFact | null): void {
    const before = this.pods.get(key);
    const { nodeName } = this.#node;
    this.#podsMoved ||= !isAlike((pod) => addressesHere(pod, this.#node), before, fact);
    this.#dirtyPods.add(key);
    this.#dirtyEgress = true;
    if (isAlike((pod) => hostPortHolders(pod, nodeName), before, fact)) return;
    this.#heldNode = null;
    this.#hostPorts = null;
    for (const [other, { nat }] of this.pods) if (nat !== null) this.#dirtyPods.add(other);
  }

  /** False before the first `update`: the plan is empty, and nothing can be concluded from it. */
  get isPlanned(): boolean {
    return this.#scopes !== null;
  }

  update(): NatPlan {
    const { enable } = this;
    if (this.#podsMoved || this.#dirtyScope) this.#findStrayPods();
    if (this.#dirtyScope) this.#updateScope();
    if (enable.egress && this.#dirtyEgress && this.#scopes !== null) {
      const fragment = this.#egressRules.fragment(this.#facts, this.#node, this.#scopes);
      this.#union.replace('egress rules', fragment);
    }
    for (const key of this.#dirtyServices) this.#planService(key, false);
    for (const key of this.#movedServices) {
      if (!this.#dirtyServices.has(key)) this.#planService(key, true);
    }
    const limits = enable.pod ? this.#beyondLimits() : noLimits;
    for (const key of this.#dirtyPods) {
      const pod = enable.pod ? this.pods.get(key) : undefined;
      const make = (fact: PodFact) =>
        podFragment(fact, this.heldNode, this.#options, this.#peersOf(fact, limits));
      this.#replace(`Pod ${key}`, fragmentOf('Pod', pod, make));
    }
    for (const [name, fragment] of this.#bounds.settle()) this.#union.replace(name, fragment);
    this.#dirtyScope = false;
    this.#dirtyEgress = false;
    // Emptying a set makes it a new table.
    if (this.#dirtyServices.size > 0) this.#dirtyServices.clear();
    if (this.#movedServices.size > 0) this.#movedServices.clear();
    if (this.#dirtyPods.size > 0) this.#dirtyPods.clear();
    this.#union.seal();
    const holders = this.#holders();
    const lost = holders.length === 0 ? [] : lostHostPorts(holders, this.#node, this.#union);
    this.#union.replace('host ports', lost.length === 0 ? emptyFragment : { entries: [], notices: lost });
    this.#updateSourcePorts();
    return this.#union;
  }

  /** @param isSame the Service and the node are as when it was planned: at most its endpoints are others */
  #planService(key: string, isSame: boolean): void {
    const service = this.enable.service ? this.services.get(key) : undefined;
    const before = isSame ? this.#union.entriesWithoutNotices(key) : null;
    const make = (fact: ServiceFact): Fragment => {
      const slices = this.slicesOf(key);
      const entries = before === null ? null : withEndpoints(before, fact, slices, this.#node);
      return entries === null
        ? serviceFragment(fact, slices, this.#node, this.#options)
        : { entries, notices: emptyFragment.notices };
    };
    this.#replace(key, fragmentOf('Service', service, make));
  }

  /** A fragment that limits concern waits for all others. */
  #replace(name: string, fragment: Fragment): void {
    if (!this.#bounds.put(name, fragment)) this.#union.replace(name, fragment);
  }

  /** Which ports are free depends on all entries and listeners. */
  #updateSourcePorts(): void {
    const node = this.heldNode;
    const egress = this.#scopes?.IPv4.egress.ports ?? noPorts;
    let isSame = true;
    const [listeners, reservedPorts, egressBefore] = this.#portFacts;
    if (node.listeners !== listeners || node.reservedPorts !== reservedPorts || egress !== egressBefore) {
      const facts = [node.listeners, node.reservedPorts, egress];
      isSame = deepEqual(facts, this.#portFacts);
      this.#portFacts = facts;
    }
    if (!isSame) this.#wantedPorts = [...everyPort(node, this.#options), ...egress];
    const isChanged = this.#portOwners.follow(this.#union, this.#localAddresses, this.#wantedPorts);
    if (!isChanged && isSame) return;
    const owned = this.#portOwners.owned();
    this.#union.replace('source ports', sourcePortsFragment({ node, owned, egress }, this.#options));
    this.#union.seal();
  }

  #holders(): readonly HostListener[] {
    const { nodeName } = this.#node;
    this.#hostPorts ??= [...this.pods.values()].flatMap((pod) => hostPortHolders(pod, nodeName));
    return this.#hostPorts;
  }

  #findStrayPods(): void {
    const pools = [...this.#facts.of('IPPool').values()];
    const [ipMasqAgent] = this.#facts.of('IpMasqAgent').values();
    const stray = strayPods(this.pods.values(), pools, ipMasqAgent, this.#node, this.#options);
    this.#podsMoved = false;
    if (deepEqual(stray, this.#strayPods)) return;
    this.#strayPods = stray;
    this.#dirtyScope = true;
  }

  #peersOf({ namespace, name }: PodFact, limits: PodLimits): PodPeers {
    return {
      namespaceLabels: this.#facts.of('Namespace').get(namespace)?.labels ?? null,
      beyondLimits: limits.get(objectKey(namespace, name)),
    };
  }

  /** The entries of the dirty pods that exceed limits; a limit of a namespace makes all of its pods dirty. */
  #beyondLimits(): PodLimits {
    const { podNatPolicy: policy } = this.#options;
    if (policy.maxPortsPerPod === null && policy.maxPortsPerNamespace === null) return noLimits;
    const namespaces = new Set([...this.#dirtyPods].map((key) => key.slice(0, key.indexOf('/'))));
    if (policy.maxPortsPerNamespace !== null) this.#dirtyPodsOf(namespaces);
    const counted = [...this.pods.values()].filter(
      (pod) => namespaces.has(pod.namespace) && !pod.hostNetwork && claimsPorts(pod, this.#node),
    );
    const byNamespace = grouped(counted, ({ namespace }) => namespace);
    return new Map([...byNamespace.values()].flatMap((pods) => [...beyondLimits(policy, pods)]));
  }

  #dirtyPodsOf(namespaces: ReadonlySet<string>): void {
    for (const [key, { namespace }] of this.pods) if (namespaces.has(namespace)) this.#dirtyPods.add(key);
  }

  #updateScope(): void {
    const { scopes, ...fragment } = isolatedScope(this.#facts, this.#node, this.#options, {
      strayPods: this.#strayPods,
      othersAddresses: [...this.services.values()].flatMap(addressesOfOthers),
    });
    this.#union.replace('scope', fragment);
    this.#scopes = scopes;
    this.#egressRules.forget();
    this.#dirtyEgress = true;
  }
}

/** True if `make` gives the same before and after a change; without a fact it gives nothing. */
function isAlike<Fact>(
  make: (fact: Fact) => readonly unknown[],
  before: Fact | undefined,
  after: Fact | null,
): boolean {
  return deepEqual(before === undefined ? [] : make(before), after === null ? [] : make(after));
}

function addressesOf({ localAddresses }: NodeFacts): ReadonlySet<IpAddress> {
  return new Set(localAddresses.map(({ address }) => address));
}
