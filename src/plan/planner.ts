import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import { deepEqual } from '../model/equal.ts';
import type { FactChange, FactKind, FactTypes } from '../model/facts.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import { type ObjectRef, objectKey, refOf } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { IpAddress } from '../net/address.ts';
import { type EgressRuleGround, egressRuleGround } from './egress-ground.ts';
import { egressRuleFragment } from './egress-rules.ts';
import { emptyFragment } from './fragment.ts';
import { FragmentUnion } from './fragment-union.ts';
import { hostPortHolders, lostHostPorts, withHolders } from './held-ports.ts';
import { fragmentOf, isolated, unusable } from './isolation.ts';
import type { NatPlan } from './nat-plan.ts';
import type { PlanOptions } from './options.ts';
import { PortOwners } from './owned-ports.ts';
import { claimsPorts, type PodPeers, podFragment } from './pod.ts';
import { type BeyondLimits, beyondLimits, withinLimits } from './pod-nat-policy.ts';
import { type ScopeFacts, type ScopeFragment, scopeFragment } from './scope.ts';
import { addressesOfOthers, serviceFragment } from './service.ts';
import { SizeBounds } from './size-bounds.ts';
import { everyPort, sourcePortsFragment } from './source-ports.ts';
import { addressesHere, strayPods } from './stray-pods.ts';

type Store<Kind extends FactKind> = Map<string, FactTypes[Kind]>;

/** By keys of Pods. */
type PodLimits = ReadonlyMap<string, BeyondLimits>;

const noLimits: PodLimits = new Map();

const noSlices: readonly EndpointSliceFact[] = Object.freeze([]);

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
  readonly #felix: Store<'FelixConfiguration'> = new Map();
  readonly #namespaces: Store<'Namespace'> = new Map();
  readonly #egressRules: Store<'EgressRule'> = new Map();
  readonly #ipMasqAgent: Store<'IpMasqAgent'> = new Map();
  readonly #serviceCIDRs: Store<'ServiceCIDR'> = new Map();
  /** Addresses of Services that other proxies serve, by the keys of these. */
  readonly #othersAddresses = new Map<string, readonly IpAddress[]>();
  /** Service key → its slices, in order of their names. */
  readonly #slicesOf = new Map<string, readonly EndpointSliceFact[]>();
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyPods = new Set<string>();
  #dirtyScope = true;
  /** A Pod of this node came, went, or has another address. */
  #podsMoved = true;
  #strayPods: readonly IpAddress[] = [];
  /** What EgressRules say of sources: of the scope, of pods and namespaces. */
  #dirtyEgress = true;
  #scopes: ScopeFragment['scopes'] | null = null;
  /** Null when the scope or a rule changed since. */
  #egressGround: ReturnType<typeof isolated<FactTypes['EgressRule'], EgressRuleGround>> | null = null;
  readonly #union = new FragmentUnion();
  readonly #portOwners = new PortOwners();
  readonly #bounds: SizeBounds;
  #localAddresses: ReadonlySet<IpAddress>;
  /** What free source ports were last worked out from, beside their owners. */
  #portFacts: readonly unknown[] = [];
  readonly #options: PlanOptions;
  #node: NodeFacts;
  /** Host ports of the Pods of this node that have any, by the Pod's key. */
  readonly #hostPorts = new Map<string, readonly HostListener[]>();
  /** Null when the node's facts or host ports changed since. */
  #heldNode: NodeFacts | null = null;

  constructor(node: NodeFacts, options: PlanOptions) {
    this.#node = node;
    this.#localAddresses = addressesOf(node);
    this.#options = options;
    this.#bounds = new SizeBounds(options.sizes);
  }

  get plan(): NatPlan {
    return this.#union;
  }

  get node(): NodeFacts {
    return this.#node;
  }

  /** The facts of this node; among what takes packets are the rules of others and the host ports of its Pods too. */
  get heldNode(): NodeFacts {
    this.#heldNode ??= withHolders(this.#node, [...this.#hostPorts.values()].flat());
    return this.#heldNode;
  }

  /** The Node objects, for those who work out the facts of this node. */
  get nodes(): ReadonlyMap<string, FactTypes['Node']> {
    return this.#nodes;
  }

  /** The Services by namespace and name, for those who look a name up. */
  get services(): ReadonlyMap<string, FactTypes['Service']> {
    return this.#services;
  }

  /** The Pods by namespace and name, for those who look a name up. */
  get pods(): ReadonlyMap<string, FactTypes['Pod']> {
    return this.#pods;
  }

  /** The slices of a Service, in order of their names, for those who say why it has no endpoints. */
  slicesOf(service: string): readonly EndpointSliceFact[] {
    return this.#slicesOf.get(service) ?? noSlices;
  }

  /** Networks whose addresses Services may have as `externalIPs`; null: all. */
  get externalIPs(): PlanOptions['externalIPs'] {
    return this.#options.externalIPs;
  }

  /** Which kinds of NAT are done at all. */
  get enable(): PlanOptions['enable'] {
    return this.#options.enable;
  }

  /**
   * Replaces the facts of this node; every fragment is computed anew, what comes out equal changes nothing. What the
   * host listens on and maps comes and goes often, and concerns Pods alone; what ports it reserves, no Service.
   */
  setNode(node: NodeFacts): void {
    const before = this.#node;
    this.#node = node;
    for (const [key, pod] of this.#pods) {
      this.#dirtyPods.add(key);
      if (before.nodeName === node.nodeName) continue;
      const holders = hostPortHolders(pod, node.nodeName);
      put(this.#hostPorts, key, holders.length === 0 ? null : holders);
    }
    this.#heldNode = null;
    const { listeners, portRules } = node;
    const known = { ...before, listeners, portRules };
    if (deepEqual(known, node)) return;
    if (!deepEqual(before.localAddresses, node.localAddresses)) this.#localAddresses = addressesOf(node);
    this.#dirtyScope = true;
    if (deepEqual({ ...known, reservedPorts: node.reservedPorts }, node)) return;
    for (const key of this.#services.keys()) this.#dirtyServices.add(key);
  }

  /** Takes over the current values of objects. */
  apply(changes: Iterable<FactChange>): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'Service':
          put(this.#services, change.key, change.fact);
          this.#dirtyServices.add(change.key);
          this.#noteOthers(change.key, change.fact);
          break;
        case 'EndpointSlice':
          this.#applySlice(change.key, change.fact);
          break;
        case 'Pod':
          this.#podsMoved ||= !this.#sameAddresses(this.#pods.get(change.key), change.fact);
          this.#applyPod(change.key, change.fact);
          break;
        case 'Node':
          put(this.#nodes, change.key, change.fact);
          this.#dirtyScope = true;
          break;
        case 'IPPool':
          put(this.#pools, change.key, change.fact);
          this.#dirtyScope = true;
          break;
        case 'FelixConfiguration':
          put(this.#felix, change.key, change.fact);
          this.#dirtyScope = true;
          break;
        case 'Namespace':
          put(this.#namespaces, change.key, change.fact);
          if (this.#options.podNatPolicy.namespaceSelector !== null) this.#dirtyPodsOf(new Set([change.key]));
          this.#dirtyEgress = true;
          break;
        case 'EgressRule':
          put(this.#egressRules, change.key, change.fact);
          this.#egressGround = null;
          this.#dirtyEgress = true;
          break;
        case 'ServiceCIDR':
          put(this.#serviceCIDRs, change.key, change.fact);
          this.#dirtyScope = true;
          break;
        case 'IpMasqAgent':
          put(this.#ipMasqAgent, change.key, change.fact);
          this.#dirtyScope = true;
          break;
        default:
          change satisfies never;
      }
    }
  }

  /** There is a plan: before, it is empty, and nothing can be concluded from it. */
  get isPlanned(): boolean {
    return this.#scopes !== null;
  }

  /** Computes the fragments of what changed and returns the plan. */
  update(): NatPlan {
    const { enable } = this.#options;
    if (this.#podsMoved || this.#dirtyScope) this.#findStrayPods();
    if (this.#dirtyScope) this.#updateScope();
    if (enable.egress && this.#dirtyEgress) this.#updateEgressRules();
    for (const key of this.#dirtyServices) {
      const service = enable.service ? this.#services.get(key) : undefined;
      const slices = this.slicesOf(key);
      const fragment =
        service === undefined
          ? emptyFragment
          : fragmentOf(refOf('Service', service), () =>
              serviceFragment(service, slices, this.#node, this.#options),
            );
      this.#bounds.put(`Service ${key}`, fragment);
    }
    const limits = enable.pod ? this.#beyondLimits() : noLimits;
    for (const key of this.#dirtyPods) {
      const pod = enable.pod ? this.#pods.get(key) : undefined;
      const fragment =
        pod === undefined
          ? emptyFragment
          : fragmentOf(refOf('Pod', pod), () =>
              podFragment(pod, this.heldNode, this.#options, this.#peersOf(pod, limits)),
            );
      this.#bounds.put(`Pod ${key}`, fragment);
    }
    for (const [name, fragment] of this.#bounds.settle()) this.#union.replace(name, fragment);
    this.#dirtyScope = false;
    this.#dirtyEgress = false;
    this.#dirtyServices.clear();
    this.#dirtyPods.clear();
    this.#union.seal();
    const lost = lostHostPorts([...this.#hostPorts.values()].flat(), this.#node, this.#union);
    this.#union.replace('host ports', { entries: [], notices: lost });
    this.#updateSourcePorts();
    return this.#union;
  }

  /** Which ports are free follows from all that has any. */
  #updateSourcePorts(): void {
    const node = this.heldNode;
    const egress = this.#scopes?.IPv4.egress.ports ?? [];
    const wanted = [...everyPort(node, this.#options), ...egress];
    const isChanged = this.#portOwners.follow(this.#union, this.#localAddresses, wanted);
    const facts = [node.listeners, node.reservedPorts, egress];
    if (!isChanged && deepEqual(facts, this.#portFacts)) return;
    this.#portFacts = facts;
    const owned = this.#portOwners.owned();
    this.#union.replace('source ports', sourcePortsFragment({ node, owned, egress }, this.#options));
    this.#union.seal();
  }

  #sameAddresses(before: FactTypes['Pod'] | undefined, after: FactTypes['Pod'] | null): boolean {
    const here = (pod: FactTypes['Pod'] | null | undefined) =>
      pod == null ? [] : addressesHere(pod, this.#node);
    return deepEqual(here(before), here(after));
  }

  #findStrayPods(): void {
    const facts = {
      pools: [...this.#pools.values()],
      ipMasqAgent: [...this.#ipMasqAgent.values()][0],
    };
    const stray = strayPods(this.#pods.values(), facts, this.#node, this.#options);
    this.#podsMoved = false;
    if (deepEqual(stray, this.#strayPods)) return;
    this.#strayPods = stray;
    this.#dirtyScope = true;
  }

  #peersOf({ namespace, name }: PodFact, limits: PodLimits): PodPeers {
    return {
      namespaceLabels: this.#namespaces.get(namespace)?.labels ?? null,
      beyondLimits: limits.get(objectKey(namespace, name)) ?? withinLimits,
    };
  }

  /** What of the pods to be planned is beyond limits; a limit of a namespace concerns all of its pods together. */
  #beyondLimits(): PodLimits {
    const { podNatPolicy: policy } = this.#options;
    if (policy.maxPortsPerPod === null && policy.maxPortsPerNamespace === null) return noLimits;
    const namespaces = new Set([...this.#dirtyPods].map((key) => key.slice(0, key.indexOf('/'))));
    if (policy.maxPortsPerNamespace !== null) this.#dirtyPodsOf(namespaces);
    const byNamespace = new Map<string, PodFact[]>();
    for (const pod of this.#pods.values()) {
      if (!namespaces.has(pod.namespace) || pod.hostNetwork || !claimsPorts(pod, this.#node)) continue;
      const others = byNamespace.get(pod.namespace);
      if (others === undefined) byNamespace.set(pod.namespace, [pod]);
      else others.push(pod);
    }
    return new Map([...byNamespace.values()].flatMap((pods) => [...beyondLimits(policy, pods)]));
  }

  #dirtyPodsOf(namespaces: ReadonlySet<string>): void {
    for (const [key, { namespace }] of this.#pods) if (namespaces.has(namespace)) this.#dirtyPods.add(key);
  }

  #applyPod(key: string, fact: PodFact | null): void {
    const before = this.#hostPorts.get(key) ?? [];
    const now = hostPortHolders(fact, this.#node.nodeName);
    put(this.#pods, key, fact);
    put(this.#hostPorts, key, now.length === 0 ? null : now);
    this.#dirtyPods.add(key);
    this.#dirtyEgress = true;
    if (deepEqual(before, now)) return;
    this.#heldNode = null;
    for (const [other, { nat }] of this.#pods) if (nat !== null) this.#dirtyPods.add(other);
  }

  #updateScope(): void {
    const beside = {
      strayPods: this.#strayPods,
      othersAddresses: [...this.#othersAddresses.values()].flat(),
    };
    const { result, faulty } = isolated(this.#scopeObjects(), (objects) =>
      scopeFragment({ ...scopeFacts(objects), ...beside }, this.#node, this.#options),
    );
    const { scopes, entries, notices } = result;
    const told = faulty.map(({ item, error }) => unusable(this.#scopeRef(item), error));
    this.#union.replace('scope', { entries, notices: [...notices, ...told] });
    this.#scopes = scopes;
    this.#egressGround = null;
    this.#dirtyEgress = true;
  }

  /** A file of this node is told on its Node. */
  #scopeRef({ kind, fact }: ScopeObject): ObjectRef {
    return kind === 'IpMasqAgent' ? refOf('Node', { name: this.#node.nodeName }) : refOf(kind, fact);
  }

  #scopeObjects(): ScopeObject[] {
    const felix = this.#felix.get('default');
    const [file] = this.#ipMasqAgent.values();
    return [
      ...[...this.#pools.values()].map((fact) => ({ kind: 'IPPool' as const, fact })),
      ...[...this.#nodes.values()].map((fact) => ({ kind: 'Node' as const, fact })),
      ...[...this.#serviceCIDRs.values()].map((fact) => ({ kind: 'ServiceCIDR' as const, fact })),
      ...(felix === undefined ? [] : [{ kind: 'FelixConfiguration' as const, fact: felix }]),
      ...(file === undefined ? [] : [{ kind: 'IpMasqAgent' as const, fact: file }]),
    ];
  }

  #updateEgressRules(): void {
    const scopes = this.#scopes;
    if (scopes === null) return;
    const pools = [...this.#pools.values()];
    const namespaces = this.#namespaces;
    this.#egressGround ??= isolated([...this.#egressRules.values()], (rules) => {
      const ground = egressRuleGround({ rules, pools, node: this.#node, scopes });
      egressRuleFragment(ground, { pods: [], namespaces });
      return ground;
    });
    const { result: ground, faulty: rules } = this.#egressGround;
    const known = this.#egressRules.size === 0 ? [] : [...this.#pods.values()];
    const { result, faulty: pods } = isolated(known, (some) =>
      egressRuleFragment(ground, { pods: some, namespaces }),
    );
    const told = [
      ...rules.map(({ item, error }) => unusable(refOf('EgressRule', item), error)),
      ...pods.map(({ item, error }) => unusable(refOf('Pod', item), error)),
    ];
    const { entries, notices } = result;
    this.#union.replace('egress rules', { entries, notices: [...notices, ...told] });
  }

  /** What others serve is left alone, also inside of the service CIDRs. */
  #noteOthers(key: string, service: FactTypes['Service'] | null): void {
    const before = this.#othersAddresses.get(key);
    const addresses = service === null ? [] : addressesOfOthers(service);
    if (before === undefined && addresses.length === 0) return;
    put(this.#othersAddresses, key, addresses.length === 0 ? null : addresses);
    if (!deepEqual(before ?? [], addresses)) this.#dirtyScope = true;
  }

  #applySlice(key: string, fact: EndpointSliceFact | null): void {
    const old = this.#slices.get(key);
    if (old !== undefined) {
      const service = objectKey(old.namespace, old.serviceName);
      const others = (this.#slicesOf.get(service) ?? noSlices).filter((slice) => slice !== old);
      if (others.length === 0) this.#slicesOf.delete(service);
      else this.#slicesOf.set(service, others);
      this.#dirtyServices.add(service);
    }
    put(this.#slices, key, fact);
    if (fact === null) return;
    const service = objectKey(fact.namespace, fact.serviceName);
    const siblings = this.#slicesOf.get(service);
    // One namespace, so that names are unique and in the order of keys.
    const slices =
      siblings === undefined ? [fact] : [...siblings, fact].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#slicesOf.set(service, slices);
    this.#dirtyServices.add(service);
  }
}

/** What the scope is made of, object by object. */
type ScopeObject = {
  [Kind in 'IPPool' | 'Node' | 'ServiceCIDR' | 'FelixConfiguration' | 'IpMasqAgent']: {
    readonly kind: Kind;
    readonly fact: FactTypes[Kind];
  };
}['IPPool' | 'Node' | 'ServiceCIDR' | 'FelixConfiguration' | 'IpMasqAgent'];

function scopeFacts(objects: readonly ScopeObject[]): ScopeFacts {
  return {
    pools: objects.flatMap(({ kind, fact }) => (kind === 'IPPool' ? [fact] : [])),
    nodes: objects.flatMap(({ kind, fact }) => (kind === 'Node' ? [fact] : [])),
    serviceCIDRs: objects.flatMap(({ kind, fact }) => (kind === 'ServiceCIDR' ? fact.cidrs : [])),
    felix: objects.flatMap(({ kind, fact }) => (kind === 'FelixConfiguration' ? [fact] : []))[0],
    ipMasqAgent: objects.flatMap(({ kind, fact }) => (kind === 'IpMasqAgent' ? [fact] : []))[0],
  };
}

function addressesOf({ localAddresses }: NodeFacts): ReadonlySet<IpAddress> {
  return new Set(localAddresses.map(({ address }) => address));
}

function put<Fact>(store: Map<string, Fact>, key: string, fact: Fact | null): void {
  if (fact === null) store.delete(key);
  else store.set(key, fact);
}
