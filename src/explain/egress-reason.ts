import { formatRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { firstFew } from '../model/text.ts';
import { formatPrefix } from '../net/prefix.ts';
import { formatDestination } from '../plan/canonical.ts';
import type { EgressChoice, EgressOutcome } from '../plan/entry.ts';
import type { SourceStep } from './step.ts';

/** The outcome of an EgressRule for the packet: one sentence without a full stop. */
export function egressRuleReason(step: Extract<SourceStep, { rule: 'egress-rule' }>): string {
  const { role, choice } = step;
  if (role === 'later') return 'also matches this source, but a rule with higher priority matched first';
  if (role === 'destination') {
    return choice.to === null
      ? 'matches this source, but only for destinations outside all pools'
      : `matches this source, but only for ${destinationsText(choice)}`;
  }
  const because = choice.reason === '' ? '' : ` (${choice.reason})`;
  return `${whereText(choice)}: ${outcomeText(choice.outcome)}${fallbackText(choice)}${because}`;
}

/** The outcome of the pools for the packet. */
export function egressPoolReason(step: Extract<SourceStep, { rule: 'egress-pool' }>): string {
  const { because, to, object, others } = step;
  const asked = object === null ? 'ip-masq-agent’s file applies to this pod' : 'natOutgoing';
  if (because !== null && 'exemptBy' in because) {
    const { exemptBy } = because;
    if (exemptBy === 'ip-masq-agent') return `${asked}, but the destination is in nonMasqueradeCIDRs`;
    return exemptBy.kind === 'Node'
      ? `${asked}, but the destination is an address of ${formatRef(exemptBy)}`
      : `${asked}, but the destination is in ${formatRef(exemptBy)}`;
  }
  if (because !== null) return `${asked}, but it does not leave by an interface ${because.interfaceFilter}`;
  const source = to === null || to === 'node' ? 'an address of this node' : `${to}, natOutgoingAddress`;
  const also = others.map(
    (pool) => `pool ${pool.name} (${formatPrefix(pool.cidr)}) also covers this source${otherText(pool)}`,
  );
  return [`${asked}, and the destination is in no pool: the source becomes ${source}`, ...also].join('; ');
}

function otherText({ natOutgoing, disabled, loadBalancerOnly }: PoolFact): string {
  if (!natOutgoing) return ' with natOutgoing off, but one that has it on is enough';
  if (disabled) return ', but it is disabled (which changes nothing for NAT)';
  return loadBalancerOnly ? ', but it is only for load balancers' : '';
}

function whereText(choice: EgressChoice): string {
  return choice.to === null ? 'all that leaves the pools' : 'this destination';
}

const DESTINATIONS_SHOWN = 4;

function destinationsText({ to }: EgressChoice): string {
  return firstFew((to ?? []).map(formatDestination), DESTINATIONS_SHOWN);
}

function outcomeText(outcome: EgressOutcome): string {
  switch (outcome.verdict) {
    case 'keep':
      return 'the source stays';
    case 'masquerade':
      return 'the source becomes an address of this node';
    case 'snat':
      return `the source becomes ${outcome.to}`;
    case 'drop':
      return 'dropped';
    default:
      return outcome satisfies never;
  }
}

function fallbackText({ fallback }: EgressChoice): string {
  switch (fallback) {
    case 'address':
      return ', since none of the rule’s addresses is on this node';
    case 'unknown-pod':
      return ', since no Pod of this address is known yet, and it may be one that the rule selects';
    case null:
      return '';
    default:
      return fallback satisfies never;
  }
}
