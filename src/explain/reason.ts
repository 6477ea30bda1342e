import { egressPoolReason, egressRuleReason } from './egress-reason.ts';
import type { SourcePort, Step } from './step.ts';
import type { Unknown } from './walk.ts';

/** What the rule says about this packet, in one sentence without its end; the object is not named in it. */
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
        ? `this host itself listens on ${step.listener}/${step.before.protocol}, and no Service and no Pod NAT binding comes before: the destination stays`
        : `${step.by} has ${step.listener}/${step.before.protocol}, and no Service and no Pod NAT binding comes before: knat leaves it to that`;
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
        : `Pod NAT return address ${step.to} is for the outside; ${step.before.destination} is internal`;
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

/** One sentence without its end. */
export function unknownReason(unknown: Unknown): string {
  switch (unknown) {
    case 'existing-connections':
      return 'whether such a connection exists: it would keep the translation it began with';
    case 'other-tables':
      return 'routing, and rules of other programs (a FORWARD chain that drops), may change the outcome';
    case 'masquerade-address':
      return 'which address of the node the source becomes: that of the interface it leaves by';
    case 'affinity':
      return 'session affinity: a client that was here before goes to the same endpoint again';
    case 'pod-cidrs':
      return 'which sources are pods: no pod CIDRs are known, so none counts as one';
    case 'input-interface':
      return 'whether the source is a pod: that is told by the interface that the packet comes in by, and the question names none; it is taken for no pod';
    case 'egress-interface':
      return 'which interface the packet leaves by; pools are translated only on some interfaces (natOutgoingInterfaceFilter)';
    case 'source-port':
      return 'from which port the pod sends: from a port of its own binding it leaves with that of the node';
    case 'local-endpoint':
      return 'an endpoint is an address of this node: packets that end here keep their source, whatever the rule says';
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
      return `${choice} (policy Local does not bind pods)`;
    case 'node-source':
      return `${choice} (policy Local does not bind this node)`;
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
        ? `to a ClusterIP from outside the pods, or masqueradeAll: ${becomes}`
        : 'to a ClusterIP, not from outside the pods: the source stays';
    case 'node-sources':
      return masked
        ? `from this node, traffic policy Local: ${becomes}`
        : 'traffic policy Local: the source stays';
    default:
      return step.masquerade satisfies never;
  }
}

function portReason(port: SourcePort): string {
  return port === 'free' ? 'with a port that nobody owns' : `port ${port}: that of the pod’s own binding`;
}

function portText(name: string): string {
  return name === '' ? '' : ` (port ${name})`;
}
