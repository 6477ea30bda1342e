import { formatRef } from '../model/object.ts';
import type { PoolFact } from '../model/pool.ts';
import { firstFew } from '../model/text.ts';
import { formatPrefix } from '../net/prefix.ts';
import { hasPorts } from '../net/protocol.ts';
import { formatDestination } from '../plan/canonical.ts';
import type { EgressChoice, EgressOutcome } from '../plan/entry.ts';
import { placeText } from './ends-text.ts';
import type { SourcePort, SourceStep, Step } from './step.ts';
import type { Unknown } from './walk.ts';

export function stepReason(step: Step): string {
  switch (step.rule) {
    case 'source-ranges':
      return step.verdict === 'drop'
        ? `source ${step.before.source} is not in the allowed ranges of ${step.key}: dropped`
        : `source ${step.before.source} is in the allowed ranges of ${step.key}`;
    case 'service-frontend':
      return `${step.origin} ${step.key}${portText(step.portName)}: ${frontendReason(step)}`;
    case 'pod-binding':
      return `Pod NAT binding ${step.key}: sent to the pod`;
    case 'unlisted-port':
      if (!hasPorts(step.before.protocol)) {
        return `${step.before.destination} is a ClusterIP: no host has it, so nobody answers a ping; refused (ICMP port unreachable)`;
      }
      return `${step.before.destination} is a ClusterIP, but has no port ${step.before.port}/${step.before.protocol}: refused`;
    case 'unused-cluster-ip':
      return `${step.before.destination} lies in the service CIDR ${step.range}, but no Service has it: dropped`;
    case 'host-listener':
      return step.by === null
        ? `a program of this host listens on ${step.listener}/${step.before.protocol}, and no Service or Pod NAT binding takes precedence: the destination stays`
        : `${step.by} maps ${step.listener}/${step.before.protocol}, and no Service or Pod NAT binding takes precedence: knat leaves the packet to that mapping`;
    case 'reply': {
      const [after] = step.after;
      const goes = after === undefined ? '' : `, goes to ${placeText(after.destination, after.port)}`;
      return `a reply: it belongs to the connection ${step.connection}${goes}; conntrack undoes the translation of that connection, and no rule of NAT is asked`;
    }
    case 'icmp-answer':
      return icmpAnswerReason(step);
    case 'no-destination-rule':
      if (!hasPorts(step.before.protocol))
        return 'ICMP has no ports: no Service and no binding translates it';
      return 'no Service and no Pod NAT binding for this destination: it stays';
    case 'hairpin':
      return 'hairpin: the endpoint is the source itself, so the source becomes an address of this node';
    case 'service-masquerade':
      return masqueradeReason(step);
    case 'local-delivery':
      return `${step.before.destination} is an address of this node: the source stays`;
    case 'pod-source':
      return step.verdict === 'snat'
        ? `Pod NAT return address: the source becomes ${step.to}, ${portReason(step.port)}`
        : `Pod NAT return address ${step.to} applies to outside destinations only; ${step.before.destination} is internal`;
    case 'egress-rule':
      return egressRuleReason(step);
    case 'egress-pool':
      return egressPoolReason(step);
    case 'no-source-rule':
      return 'no rule for this source: it stays';
    default:
      return step satisfies never;
  }
}

export function unknownReason(unknown: Unknown): string {
  switch (unknown) {
    case 'existing-connections':
      return 'whether such a connection exists: it would keep its first translation';
    case 'other-tables':
      return 'routing, and rules of other programs (a FORWARD chain that drops), may change the outcome';
    case 'masquerade-address':
      return 'which address of the node the source becomes: that of the outgoing interface';
    case 'affinity':
      return 'session affinity: a returning client gets the same endpoint as before';
    case 'pod-cidrs':
      return 'which sources are pods: no pod CIDRs are known, so no source counts as a pod';
    case 'input-interface':
      return 'whether the source is a pod: pods are recognised by interface, and the question names none (--interface), so the source does not count as a pod';
    case 'egress-interface':
      return 'which interface the packet leaves by; pools are translated only on some interfaces (natOutgoingInterfaceFilter)';
    case 'source-port':
      return 'which port the pod sends from: from a port of its own binding the packet leaves with the node port of that binding';
    case 'local-endpoint':
      return 'an endpoint is an address of this node: packets that end here keep their source despite the rule';
    case 'host-sockets':
      return 'whether a program of the node listens on this port: it would keep its packets, unless the entry has takeover';
    default:
      return unknown satisfies never;
  }
}

/** One sentence without a full stop. */
function icmpAnswerReason(step: Extract<Step, { rule: 'icmp-answer' }>): string {
  const { state, connection, inner } = step;
  if (state === 'unseen') {
    return 'it belongs to the connection that it answers, and gets its addresses translated back; which one that is, is not known here: ask the agent, or use --conntrack on the node';
  }
  const [after] = step.after;
  if (connection === null || after === undefined) {
    return 'conntrack knows no connection that it answers: it passes as it is, and no rule of NAT is asked';
  }
  const inside = inner === null ? '' : `; the packet inside becomes ${inner}`;
  return `it belongs to the connection ${connection}, goes to ${after.destination}${inside}; conntrack undoes the translation of that connection, and no rule of NAT is asked`;
}

/** What a Service does with a packet to it: one sentence without a full stop. */
export function frontendReason(step: Extract<Step, { rule: 'service-frontend' }>): string {
  const count = step.after.length;
  if (step.verdict === 'reject') return 'no endpoint is ready: refused';
  if (step.verdict === 'drop') return 'traffic policy Local, and no endpoint is on this node: dropped';
  const choice = count === 1 ? 'the only endpoint' : `one of ${count} endpoints, at random`;
  switch (step.reach) {
    case 'everyone':
      return choice;
    case 'pod-source':
      return `${choice} (policy Local does not restrict pods)`;
    case 'node-source':
      return `${choice} (policy Local does not restrict this node)`;
    case 'local-only':
      return `${choice} (policy Local: on this node only)`;
    default:
      return step.reach satisfies never;
  }
}

function masqueradeReason(step: Extract<Step, { rule: 'service-masquerade' }>): string {
  const becomes = 'the source becomes an address of this node';
  const masked = step.verdict === 'masquerade';
  switch (step.masquerade) {
    case 'always':
      return `traffic policy Cluster: ${becomes}, so that the reply comes back here`;
    case 'cluster-ip':
      return masked
        ? `to a ClusterIP from a source that is no pod, or masqueradeAll: ${becomes}`
        : 'to a ClusterIP from a pod: the source stays';
    case 'node-sources':
      return masked
        ? `from this node, traffic policy Local: ${becomes}`
        : 'traffic policy Local: the source stays';
    default:
      return step.masquerade satisfies never;
  }
}

function portReason(port: SourcePort): string {
  return port === 'free' ? 'with a random port without an owner' : `port ${port}, from the pod’s own binding`;
}

function portText(name: string): string {
  return name === '' ? '' : ` (port ${name})`;
}

/** The outcome of an EgressRule for the packet: one sentence without a full stop. */
function egressRuleReason(step: Extract<SourceStep, { rule: 'egress-rule' }>): string {
  const { role, choice } = step;
  if (role === 'later') return 'also matches this source, but a rule with higher priority matched first';
  if (role === 'destination') {
    return choice.to === null
      ? 'matches this source, but only for destinations outside all pools'
      : `matches this source, but only for ${destinationsText(choice)}`;
  }
  const because = choice.reason === '' ? '' : ` (${choice.reason})`;
  const where = choice.to === null ? 'all that leaves the pools' : 'this destination';
  return `${where}: ${outcomeText(choice.outcome)}${fallbackText(choice)}${because}`;
}

function egressPoolReason(step: Extract<SourceStep, { rule: 'egress-pool' }>): string {
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
