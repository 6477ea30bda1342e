import { isFromPod, type WalkedNode } from '../explain/own.ts';
import { walkSource } from '../explain/source.ts';
import type { SourceStep } from '../explain/step.ts';
import type { ObjectRef } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import type { Port } from '../net/port.ts';
import { protocolFromNumber } from '../net/protocol.ts';
import type { ServiceFrontend } from '../plan/entry.ts';
import { type NatPlan, scopeOf } from '../plan/nat-plan.ts';
import type { Flow } from './flow.ts';

/** Which part of knat translates; `other`: something that is not in the plan, of knat's past or of another program. */
export type NatKind = 'service' | 'pod' | 'egress' | 'other';

/** What a plan does to the source of a flow. */
export interface SourceDecision {
  /** What the source is rewritten to: an address, one of the node's, or nothing. */
  readonly snat: IpAddress | 'node' | null;
  /** An EgressRule keeps the packets in: `fallback: drop`. */
  readonly dropped: boolean;
  /** Whose rule decides; null: none looks at the flow. */
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

const NO_DECISION: SourceDecision = Object.freeze({ snat: null, dropped: false, kind: null, object: null });

/** Asks a plan, by the same walk that `explain` takes, what it does to the sources of flows. */
export class SourceDecisions {
  readonly #plan: Pick<NatPlan, 'entry' | 'egressSource'>;
  readonly #node: WalkedNode;

  constructor(plan: Pick<NatPlan, 'entry' | 'egressSource'>, node: WalkedNode) {
    this.#plan = plan;
    this.#node = node;
  }

  /**
   * Null for protocols that the plan does not speak of.
   *
   * @param frontend the Service that translated the destination; null for none
   */
  of(flow: Flow, isTranslated: boolean, frontend: ServiceFrontend | null): SourceDecision | null {
    const protocol = protocolFromNumber(flow.protocol);
    if (protocol === null) return null;
    const { src: source } = flow.original;
    const { src: destination, sport } = flow.reply;
    const packet = { source, destination, protocol, port: sport as Port };
    const scope = scopeOf(this.#plan, flow.family);
    // By which interface the first packet came is not in conntrack: only addresses tell of a pod.
    const isPod = isFromPod(scope, this.#node, packet);
    const asked = [this.#plan, scope, this.#node, packet, isPod, isTranslated, frontend] as const;
    const { steps, snat, dropped } = walkSource(...asked);
    const step = decisiveStep(steps);
    if (step === undefined) return NO_DECISION;
    return { snat, dropped, kind: kindOfRule[step.rule], object: step.object };
  }
}

/** The step that rewrites, else the last that says that the source stays; rules that did not decide do not count. */
function decisiveStep(steps: readonly SourceStep[]): SourceStep | undefined {
  const deciding = steps.filter((step) => step.rule !== 'egress-rule' || step.role === 'decides');
  return deciding.find(({ verdict }) => verdict !== 'continue') ?? deciding.at(-1);
}
