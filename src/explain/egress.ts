import { refOf } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import { decideEgress, type EgressDecision } from '../plan/egress-decision.ts';
import type { EgressChoice, EgressOutcome, FamilyScope } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { PacketState, SourceOutcome, SourceStep } from './step.ts';

/** The last part of source NAT: EgressRules and pools. Each rule that matches the source is a step. */
export function walkEgress(
  plan: Pick<NatPlan, 'egressSource'>,
  scope: FamilyScope,
  packet: PacketState & { readonly source: IpAddress },
  inputInterface: string | undefined,
): SourceOutcome {
  const of = plan.egressSource(packet.source);
  const decision = decideEgress(scope, of, { ...packet, inputInterface, outInterface: null });
  const passed = (why: 'destination' | 'later') =>
    decision.passedOver
      .filter((each) => each.why === why)
      .map(({ choice }) => ruleStep(packet, choice, why, { verdict: 'keep' }));
  const { outcome } = decision;
  const snat = rewrittenTo(outcome);
  return {
    steps: [...passed('destination'), ...decisiveSteps(packet, decision), ...passed('later')],
    snat,
    snatPort: snat === null ? null : 'free',
    dropped: outcome.verdict === 'drop',
  };
}

function decisiveSteps(packet: PacketState, decision: EgressDecision): SourceStep[] {
  const { outcome } = decision;
  switch (decision.by) {
    case 'rule':
      return [ruleStep(packet, decision.choice, 'decides', outcome)];
    case 'pool':
    case 'exempt':
    case 'interface': {
      const because =
        decision.by === 'exempt'
          ? { exemptBy: decision.exemptBy }
          : decision.by === 'interface'
            ? { interfaceFilter: decision.filter }
            : null;
      const others = decision.by === 'pool' ? decision.others : [];
      const { verdict, ...state } = stateAfter(packet, outcome);
      if (verdict === 'drop') return [];
      const object = decision.pool;
      return [{ rule: 'egress-pool', object, verdict, because, others, to: rewrittenTo(outcome), ...state }];
    }
    case 'nothing':
      return [];
    default:
      return decision satisfies never;
  }
}

function ruleStep(
  packet: PacketState,
  choice: EgressChoice,
  role: 'decides' | 'destination' | 'later',
  outcome: EgressOutcome,
): SourceStep {
  const object = refOf('EgressRule', { name: choice.rule });
  return { rule: 'egress-rule', object, role, choice, ...stateAfter(packet, outcome) };
}

function rewrittenTo(outcome: EgressOutcome): IpAddress | 'node' | null {
  return outcome.verdict === 'snat' ? outcome.to : outcome.verdict === 'masquerade' ? 'node' : null;
}

function stateAfter(before: PacketState, outcome: EgressOutcome) {
  const hook = 'postrouting' as const;
  if (outcome.verdict === 'drop') return { hook, verdict: 'drop' as const, before, after: [] };
  const to = rewrittenTo(outcome);
  if (to === null) return { hook, verdict: 'continue' as const, before, after: [before] };
  const verdict = to === 'node' ? ('masquerade' as const) : ('snat' as const);
  return { hook, verdict, before, after: [{ ...before, source: to }] };
}
