import { refOf } from '../model/object.ts';
import type { IpAddress } from '../net/address.ts';
import { hasPorts } from '../net/protocol.ts';
import { decideEgress, type EgressDecision } from '../plan/egress-decision.ts';
import type { EgressChoice, EgressOutcome, FamilyScope } from '../plan/entry.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { EgressRole, PacketState, SourceOutcome, SourceStep } from './step.ts';

const PORTLESS = { protocol: null, port: null } as const;

/** The last part of source NAT. Each rule that matches the source is a step. */
export function walkEgress(
  plan: Pick<NatPlan, 'egressSource'>,
  scope: FamilyScope,
  packet: PacketState & { readonly source: IpAddress },
  inputInterface: string | undefined,
  outInterface: string | null,
): SourceOutcome {
  const of = plan.egressSource(packet.source);
  // Rules about a protocol do not match ICMP, which has no ports.
  const asked = hasPorts(packet.protocol) ? { protocol: packet.protocol, port: packet.port } : PORTLESS;
  const decision = decideEgress(scope, of, { ...packet, ...asked, inputInterface, outInterface });
  const { outcome, passedOver } = decision;
  const passed = (why: 'destination' | 'later') =>
    passedOver
      .filter((each) => each.why === why)
      .map(({ choice }) => ruleStep(packet, choice, why, { verdict: 'keep' }));
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
  if (decision.by === 'rule') return [ruleStep(packet, decision.choice, 'decides', outcome)];
  const { verdict, ...state } = stateAfter(packet, outcome);
  if (decision.by === 'nothing' || verdict === 'drop') return [];
  const { pool: object, because, others } = decision;
  return [{ rule: 'egress-pool', object, verdict, because, others, to: rewrittenTo(outcome), ...state }];
}

function ruleStep(
  packet: PacketState,
  choice: EgressChoice,
  role: EgressRole,
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
