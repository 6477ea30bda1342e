import { egressPoolReason, egressRuleReason } from './egress-reason.ts';
import type { SourcePort, Step } from './step.ts';
import type { Unknown } from './walk.ts';

/** What the rule does with this packet: one sentence without a full stop; it does not name the object. */
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
      return `${step.before.destination} is a ClusterIP, but has no port ${step.before.port}/${step.before.protocol}: refused`;
    case 'unused-cluster-ip':
      return `${step.before.destination} lies in the service CIDR ${step.range}, but no Service has it: dropped`;
    case 'host-listener':
      return step.by === null
        ? `a program of this host listens on ${step.listener}/${step.before.protocol}, and no Service or Pod NAT binding takes precedence: the destination stays`
        : `${step.by} maps ${step.listener}/${step.before.protocol}, and no Service or Pod NAT binding takes precedence: knat leaves the packet to that mapping`;
    case 'no-destination-rule':
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

/** One sentence without a full stop. */
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
    default:
      return unknown satisfies never;
  }
}

function frontendReason(step: Extract<Step, { rule: 'service-frontend' }>): string {
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
