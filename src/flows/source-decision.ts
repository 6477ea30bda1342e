import { BoundedMap } from '../base/bounded-map.ts';
import { isFromPod, isOwnAddress, type WalkedNode } from '../explain/own.ts';
import { walkSource } from '../explain/source.ts';
import type { SourceStep } from '../explain/step.ts';
import type { NatKind } from '../forms/flows.ts';
import type { ObjectRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Family } from '../net/family.ts';
import type { Port } from '../net/port.ts';
import { PROTOCOLS, type Protocol, protocolFromNumber } from '../net/protocol.ts';
import { setContains } from '../net/ranges.ts';
import type { FamilyScope, ServiceFrontend } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import { scopeOf, type TranslatingPlan } from '../plan/nat-plan.ts';
import type { TrackedFlow } from '../wire/conntrack/entry.ts';

/** What a plan does to the source of a flow. */
export interface SourceDecision {
  /** An address, one of the node's, or null for no translation. */
  readonly snat: IpAddress | 'node' | null;
  /** The translated port, if a binding sets it; null: any. */
  readonly port: Port | null;
  /** An EgressRule drops the packets: `fallback: drop`. */
  readonly dropped: boolean;
  /** The kind of rule that decides; null: none matches the flow. */
  readonly kind: Exclude<NatKind, 'other'> | null;
  readonly object: ObjectRef | null;
}

/** Which kind of NAT the rules of `explain` belong to. */
const kindOfRule = {
  hairpin: 'service',
  'service-masquerade': 'service',
  'local-delivery': null,
  'pod-source': 'pod',
  'egress-rule': 'egress',
  'egress-pool': 'egress',
  'no-source-rule': null,
} as const satisfies Record<SourceStep['rule'], SourceDecision['kind']>;

const NO_DECISION: SourceDecision = Object.freeze({
  snat: null,
  port: null,
  dropped: false,
  kind: null,
  object: null,
});

/** Most sources, and most destinations, that are remembered; the oldest are dropped. */
const REMEMBERED = 65_536;

/** Decisions about one source, or about all sources that the plan does not distinguish. */
type Decided = Map<ServiceFrontend | null, (SourceDecision | undefined)[]>;

/** A source with EgressRules or bindings. Rules may ask for any network and port, so each flow is decided by itself. */
const RULED = Symbol('ruled');

/**
 * Asks a plan what it does to the sources of flows, by the walk that `explain` uses. Answers are cached: flows differ
 * in few ways that matter to the walk. Of a destination only `#askedOf` matters, and all sources unknown to the plan
 * are alike.
 */
export class SourceDecisions {
  readonly #plan: TranslatingPlan;
  readonly #node: WalkedNode;
  readonly #bySource = new BoundedMap<IpAddress, Decided | typeof RULED>(REMEMBERED);
  readonly #strangers: Record<Family, Decided> = { IPv4: new Map(), IPv6: new Map() };
  readonly #askedOfDestination = new BoundedMap<IpAddress, number>(REMEMBERED);
  readonly #scopes = new Map<Family, FamilyScope>();

  constructor(plan: TranslatingPlan, node: WalkedNode) {
    this.#plan = plan;
    this.#node = node;
  }

  /** Null for unsupported protocols. `frontend`: the Service that translated the destination, or null. */
  of(flow: TrackedFlow, isTranslated: boolean, frontend: ServiceFrontend | null): SourceDecision | null {
    const protocol = protocolFromNumber(flow.protocol);
    if (protocol === null) return null;
    const { src: source } = flow.original;
    const { src: destination } = flow.reply;
    const decided = this.#decidedOf(flow.family, source);
    if (decided === RULED) return this.#walk(flow, protocol, isTranslated, frontend);
    let ways = decided.get(frontend);
    if (ways === undefined) {
      ways = [];
      decided.set(frontend, ways);
    }
    const way =
      (this.#askedOf(flow.family, destination) << 4) |
      (source === destination ? 8 : 0) |
      (isTranslated ? 4 : 0) |
      PROTOCOLS.indexOf(protocol);
    let decision = ways[way];
    if (decision === undefined) {
      decision = this.#walk(flow, protocol, isTranslated, frontend);
      ways[way] = decision;
    }
    return decision;
  }

  #walk(
    flow: TrackedFlow,
    protocol: Protocol,
    isTranslated: boolean,
    frontend: ServiceFrontend | null,
  ): SourceDecision {
    const { src: source, sport: sourcePort } = flow.original;
    const { src: destination, sport } = flow.reply;
    const packet = { source, sourcePort: sourcePort as Port, destination, protocol, port: sport as Port };
    const scope = this.#scope(flow.family);
    // Conntrack does not record the first packet's interface: pods are recognised by address alone.
    const isPod = isFromPod(scope, this.#node, packet);
    const asked = [this.#plan, scope, this.#node, packet, isPod, isTranslated, frontend] as const;
    const { steps, snat, snatPort, dropped } = walkSource(...asked);
    const step = decisiveStep(steps);
    if (step === undefined) return NO_DECISION;
    const port = snatPort === 'free' ? null : snatPort;
    return { snat, port, dropped, kind: kindOfRule[step.rule], object: step.object };
  }

  #decidedOf(family: Family, source: IpAddress): Decided | typeof RULED {
    const known = this.#bySource.get(source);
    if (known !== undefined) return known;
    const decided = this.#isRuled(source)
      ? RULED
      : this.#isStranger(family, source)
        ? this.#strangers[family]
        : new Map();
    this.#bySource.set(source, decided);
    return decided;
  }

  #isRuled(source: IpAddress): boolean {
    return (this.#plan.egressSource(source)?.choices.length ?? 0) > 0 || this.#isBound(source);
  }

  /** The plan has nothing for this source. */
  #isStranger(family: Family, source: IpAddress): boolean {
    const { pods, masqueradeToClusterIP, egressSources } = this.#scope(family);
    return !(
      isOwnAddress(this.#node, source) ||
      setContains(pods, source) ||
      setContains(masqueradeToClusterIP, source) ||
      setContains(egressSources, source) ||
      this.#isBound(source)
    );
  }

  #isBound(source: IpAddress): boolean {
    return PROTOCOLS.some((protocol) => this.#plan.entry(podSourceKey(source, protocol)) !== undefined);
  }

  /** All conditions of the walk on a destination, except those of rules for its source, as three bits. */
  #askedOf(family: Family, destination: IpAddress): number {
    const known = this.#askedOfDestination.get(destination);
    if (known !== undefined) return known;
    const { podNatInternal, egressExempt } = this.#scope(family);
    const asked =
      (isOwnAddress(this.#node, destination) ? 4 : 0) |
      (setContains(podNatInternal, destination) ? 2 : 0) |
      (setContains(egressExempt, destination) ? 1 : 0);
    this.#askedOfDestination.set(destination, asked);
    return asked;
  }

  #scope(family: Family): FamilyScope {
    let scope = this.#scopes.get(family);
    if (scope === undefined) {
      scope = scopeOf(this.#plan, family);
      this.#scopes.set(family, scope);
    }
    return scope;
  }
}

/** The step that rewrites, or the last that keeps the source; rules that did not decide do not count. */
function decisiveStep(steps: readonly SourceStep[]): SourceStep | undefined {
  const deciding = steps.filter((step) => step.rule !== 'egress-rule' || step.role === 'decides');
  return deciding.find(({ verdict }) => verdict !== 'continue') ?? deciding.at(-1);
}
