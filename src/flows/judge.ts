import { walkDestination } from '../explain/destination.ts';
import { isOwnAddress, type WalkedNode } from '../explain/own.ts';
import type { NatKind } from '../forms/flows.ts';
import type { NodeFacts } from '../model/node.ts';
import { formatRef, type ObjectRef } from '../model/object.ts';
import { formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import { protocolFromNumber } from '../net/protocol.ts';
import { decideEgress } from '../plan/egress-decision.ts';
import { endpointAt, type PlanEntry, type ServiceFrontend, type Tuple } from '../plan/entry.ts';
import { podSourceKey } from '../plan/entry-key.ts';
import { type NatPlan, scopeOf, type TranslatingPlan } from '../plan/nat-plan.ts';
import { conntrackStatus, type TrackedFlow } from '../wire/conntrack/entry.ts';
import type { FormerPlan } from './former-plans.ts';
import { type SourceDecision, SourceDecisions } from './source-decision.ts';

/** How a flow's destination was translated, and by which object. */
export interface DestinationNat {
  readonly kind: NatKind;
  readonly object: ObjectRef | null;
  /** The key of the dialled frontend or binding. */
  readonly frontend: string;
}

/** How a flow's source was translated, and by which object. */
export interface SourceNat {
  readonly kind: NatKind;
  readonly object: ObjectRef | null;
}

export interface Judgement {
  /** Null: not translated. */
  readonly destination: DestinationNat | null;
  /** Null: not translated. */
  readonly source: SourceNat | null;
  /** Why the present plan would translate the flow differently, in brief; null: it would not. */
  readonly stale: string | null;
}

/** `nodeIPs` are the addresses that the node usually masquerades with. */
export type FlowNode = WalkedNode & Pick<NodeFacts, 'nodeIPs'>;

export interface JudgedBy {
  /** A plan without a revision never changes. */
  readonly plan: TranslatingPlan & Partial<Pick<NatPlan, 'revision'>>;
  /** Earlier plans, latest first: one of them may have translated the flow. */
  readonly former: readonly FormerPlan[];
  readonly node: FlowNode;
}

interface LookedAt {
  readonly flow: TrackedFlow;
  readonly isTranslated: boolean;
  /** What was dialled; null for protocols without ports. */
  readonly dialled: Tuple | null;
  readonly entry: PlanEntry | undefined;
  /** The Service that translated the destination. */
  readonly frontend: ServiceFrontend | null;
  readonly decision: SourceDecision | null;
  /** As `sourceNow`. */
  readonly actual: IpAddress | null;
}

/**
 * Decides which part of the plan translated a flow, and whether it would do so now, from the plan and the flow alone,
 * never from the kernel's rules.
 *
 * Stale are flows that began before a pool, rule or binding changed (docs/spec/egress-nat.md, rule 11): they keep their
 * translation. Flows of Services are never stale here: their TCP connections continue, and their UDP flows are cleaned
 * at every change (docs/adr/0004).
 */
export class FlowJudge {
  readonly #by: JudgedBy;
  #sources: SourceDecisions;
  #former: readonly { readonly plan: FormerPlan; readonly sources: SourceDecisions }[];
  #revision: number | undefined;

  constructor(by: JudgedBy) {
    this.#by = by;
    this.#sources = new SourceDecisions(by.plan, by.node);
    this.#former = formerSources(by);
    this.#revision = by.plan.revision;
  }

  judge(flow: TrackedFlow): Judgement {
    const looked = this.#look(flow);
    return {
      destination: looked.isTranslated ? this.#destination(looked) : null,
      source: looked.actual === null ? null : (this.#explainedBy(looked, looked.actual) ?? OTHER),
      stale: this.#staleDestination(looked) ?? this.#staleSource(looked),
    };
  }

  /** The present plan would choose another source. Only for flows that are ours; of node addresses, `nodeIPs` count. */
  leavesOtherwise(flow: TrackedFlow): boolean {
    const { decision, actual } = this.#look(flow);
    if (decision === null || decision.kind === 'service') return false;
    if (decision.dropped || hasOtherPort(flow, decision)) return true;
    if (decision.snat !== 'node') return decision.snat !== actual;
    return actual === null || !this.#by.node.nodeIPs.includes(actual);
  }

  #look(flow: TrackedFlow): LookedAt {
    this.#forgetWhenChanged();
    const isTranslated = isDestinationTranslated(flow);
    const dialled = dialledTuple(flow);
    const entry = dialled === null ? undefined : this.#by.plan.entryAt(dialled);
    const frontend = isTranslated && entry?.kind === 'ServiceFrontend' ? entry : null;
    const decision = this.#sources.of(flow, isTranslated, frontend);
    return {
      flow,
      isTranslated,
      dialled,
      entry,
      frontend,
      decision,
      actual: sourceNow(flow),
    };
  }

  /** The plan may change while the table is read. */
  #forgetWhenChanged(): void {
    const { revision } = this.#by.plan;
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#sources = new SourceDecisions(this.#by.plan, this.#by.node);
    this.#former = formerSources(this.#by);
  }

  #destination(looked: LookedAt): DestinationNat {
    const { entry } = looked;
    const frontend = dialledKey(looked.flow);
    if (entry?.kind === 'ServiceFrontend') return { kind: 'service', object: entry.owner, frontend };
    if (entry?.kind === 'PodBinding') return { kind: 'pod', object: entry.owner, frontend };
    const object = this.#formerBinding(looked);
    return { kind: object === null ? 'other' : 'pod', object, frontend };
  }

  /** Finds the plan that gave the flow its source: the present one, or the latest earlier one that fits. */
  #explainedBy(looked: LookedAt, actual: IpAddress): SourceNat | null {
    const { flow, decision } = looked;
    if (decision === null) return this.#portlessSource(flow);
    if (decision.kind !== null && fits(decision.snat, actual, this.#by.node)) {
      const former = this.#formerAddress(looked, actual, decision);
      return { kind: former?.kind ?? decision.kind, object: (former ?? decision).object };
    }
    const former = this.#formerDecision(looked, actual);
    return former === null || former.kind === null ? null : { kind: former.kind, object: former.object };
  }

  /** ICMP and the like, which only egress pools and rules translate. */
  #portlessSource({
    family,
    original: { src: source },
    reply: { src: destination },
  }: TrackedFlow): SourceNat | null {
    const packet = { source, destination, protocol: null, port: null, outInterface: null };
    const { plan } = this.#by;
    const { by, passedOver } = decideEgress(scopeOf(plan, family), plan.egressSource(source), packet);
    return by === 'nothing' && passedOver.length === 0 ? null : { kind: 'egress', object: null };
  }

  #staleDestination(looked: LookedAt): string | null {
    const { flow, isTranslated, entry } = looked;
    if (entry?.kind === 'PodBinding') {
      const { plan, node } = this.#by;
      const { src: source, dst: destination, dport } = flow.original;
      const packet = { source, destination, protocol: entry.tuple.protocol, port: dport as Port };
      const { endpoints } = walkDestination(plan, scopeOf(plan, flow.family), node, packet);
      const [endpoint] = endpoints;
      if (endpoint === undefined) return `${formatRef(entry.owner)} does not admit ${source} any more`;
      const { address, port } = endpoint;
      if (isTranslated && address === flow.reply.src && port === flow.reply.sport) return null;
      return `${dialledKey(flow)} goes to ${formatRef(entry.owner)} now (${formatEndpoint(address, port)})`;
    }
    if (!isTranslated) return null;
    const former = this.#formerBinding(looked);
    return former === null ? null : `${formatRef(former)} is not bound to ${dialledKey(flow)} any more`;
  }

  #staleSource(looked: LookedAt): string | null {
    const { flow, actual, decision } = looked;
    if (decision === null || decision.kind === 'service') return null;
    const { snat, dropped, object } = decision;
    const whose = object === null ? '' : ` (${formatRef(object)})`;
    // The flow would not be in the table if the plan had dropped its first packet.
    if (dropped) return `its packets would be dropped${whose} now`;
    if (snat === null) {
      if (actual === null) return null;
      const former = this.#formerDecision(looked, actual);
      return former === null || former.kind === 'service' ? null : 'its source would stay as it is now';
    }
    const now = snat === 'node' ? "the node's address" : snat;
    if (actual === null || !fits(snat, actual, this.#by.node))
      return `it would leave with ${now}${whose} now`;
    if (hasOtherPort(flow, decision)) {
      return `it would leave with ${formatEndpoint(actual, decision.port)}${whose} now`;
    }
    const former = this.#formerAddress(looked, actual, decision);
    return former === null ? null : `it would leave with ${now}${whose} now`;
  }

  /**
   * A masqueraded flow has any address of the node, chosen by routing. If a former plan gave this address and it is not
   * the node's first, that plan is the origin.
   */
  #formerAddress(looked: LookedAt, actual: IpAddress, { snat }: SourceDecision): SourceDecision | null {
    if (snat !== 'node' || this.#by.node.nodeIPs.includes(actual)) return null;
    const former = this.#formerDecision(looked, actual);
    return former?.snat === actual ? former : null;
  }

  /** The latest former decision that gives the flow's address. */
  #formerDecision({ flow, isTranslated, frontend }: LookedAt, actual: IpAddress): SourceDecision | null {
    const protocol = protocolFromNumber(flow.protocol);
    if (protocol === null || this.#former.length === 0) return null;
    const keys = [podSourceKey(flow.original.src, protocol)];
    for (const { plan, sources } of this.#former) {
      if (!plan.concerns(keys)) continue;
      const decision = sources.of(flow, isTranslated, frontend);
      if (decision?.snat != null && fits(decision.snat, actual, this.#by.node)) return decision;
    }
    return null;
  }

  /** The Pod whose former binding leads to the flow's destination. */
  #formerBinding({ flow, dialled }: LookedAt): ObjectRef | null {
    if (dialled === null || this.#former.length === 0) return null;
    const keys = [dialledKey(flow)];
    for (const { plan } of this.#former) {
      if (!plan.concerns(keys)) continue;
      const entry = plan.entryAt(dialled);
      if (entry?.kind !== 'PodBinding') continue;
      const { address, port } = endpointAt(entry, dialled);
      if (address === flow.reply.src && port === flow.reply.sport) return entry.owner;
    }
    return null;
  }
}

function formerSources({ former, node }: JudgedBy) {
  return former.map((plan) => ({ plan, sources: new SourceDecisions(plan, node) }));
}

/** Without a plan, the translation of a flow is visible but not its origin. */
export const planless: Pick<FlowJudge, 'judge'> = {
  judge: (flow) => ({
    destination: isDestinationTranslated(flow) ? { ...OTHER, frontend: dialledKey(flow) } : null,
    source: sourceNow(flow) === null ? null : OTHER,
    stale: null,
  }),
};

const OTHER: SourceNat = Object.freeze({ kind: 'other', object: null });

/** What was dialled, as a plan key; not a valid key for protocols without ports. */
function dialledKey(flow: TrackedFlow): string {
  const protocol = protocolFromNumber(flow.protocol);
  return `${formatEndpoint(flow.original.dst, flow.original.dport)}/${protocol ?? flow.protocol}`;
}

/** Null for protocols without ports. */
function dialledTuple({ protocol: number, original: { dst: address, dport } }: TrackedFlow): Tuple | null {
  const protocol = protocolFromNumber(number);
  return protocol === null ? null : { address, protocol, port: dport as Port };
}

/** The destination, or the address of the source, was translated. */
export function isTranslated(flow: TrackedFlow): boolean {
  return isDestinationTranslated(flow) || sourceNow(flow) !== null;
}

function isDestinationTranslated({ status }: TrackedFlow): boolean {
  return (status & conntrackStatus.IPS_DST_NAT) !== 0;
}

/** The translated source address; null when only the port or nothing was translated. */
export function sourceNow(flow: TrackedFlow): IpAddress | null {
  if ((flow.status & conntrackStatus.IPS_SRC_NAT) === 0) return null;
  return flow.reply.dst === flow.original.src ? null : flow.reply.dst;
}

function hasOtherPort(
  flow: TrackedFlow,
  decision: SourceDecision,
): decision is SourceDecision & { port: Port } {
  return decision.port !== null && decision.port !== flow.reply.dport;
}

function fits(snat: SourceDecision['snat'], actual: IpAddress, node: WalkedNode): boolean {
  return snat === 'node' ? isOwnAddress(node, actual) : snat === actual;
}
