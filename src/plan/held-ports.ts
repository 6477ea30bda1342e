import { findingOf, type Notice } from '../model/finding.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import { formatRef, objectKey, refOf } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import { familyOf, formatEndpoint } from '../net/address.ts';
import type { NatPlan } from './nat-plan.ts';

/**
 * The ports of the node that the CNI plugin maps to the pod: while it may run here, and in the families that it has. A
 * pod that terminates asks for nothing; what is left of it in the kernel is a rule.
 */
export function hostPortHolders(pod: PodFact | null, nodeName: string): readonly HostListener[] {
  if (pod === null || pod.hostPorts.length === 0 || pod.nodeName !== nodeName) return [];
  if (pod.hostNetwork || pod.finished || pod.terminating) return [];
  const name = objectKey(pod.namespace, pod.name);
  const has = (family: string) =>
    pod.ips.length === 0 || pod.ips.some((address) => familyOf(address) === family);
  return pod.hostPorts.flatMap(({ protocol, port, address, families }) => {
    const held = { by: `hostPort of Pod ${name}`, to: null, pod: name };
    const reached = families.filter(has);
    return reached.length === 0 ? [] : [{ protocol, port, address, families: reached, held }];
  });
}

/** The node with all who take packets, in an order that does not depend on who came first. */
export function withHolders(node: NodeFacts, hostPorts: readonly HostListener[]): NodeFacts {
  if (hostPorts.length === 0 && node.portRules.length === 0) return node;
  const sorted = [...hostPorts].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return { ...node, listeners: [...node.listeners, ...sorted, ...node.portRules] };
}

/** What Pods with host ports are told: where a Service, or a binding that takes over, comes before their port mapping. */
export function lostHostPorts(
  hostPorts: readonly HostListener[],
  node: NodeFacts,
  plan: Pick<NatPlan, 'entryAt'>,
): Notice[] {
  const notices: Notice[] = [];
  for (const { protocol, port, address, families, held } of hostPorts) {
    const [namespace = '', name = ''] = held?.pod?.split('/') ?? [];
    const object = refOf('Pod', { namespace, name });
    for (const local of node.localAddresses) {
      if (!families.includes(familyOf(local.address)) || (address ?? local.address) !== local.address)
        continue;
      const entry = plan.entryAt({ address: local.address, protocol, port });
      if (entry?.kind !== 'ServiceFrontend' && entry?.kind !== 'PodBinding') continue;
      if (objectKey(entry.owner.namespace, entry.owner.name) === held?.pod && entry.kind === 'PodBinding')
        continue;
      const message = `hostPort ${port}/${protocol}: ${formatRef(entry.owner)} has ${formatEndpoint(local.address, port)} and comes before`;
      notices.push(findingOf('NatHostPortInUse', object, message));
    }
  }
  return notices;
}

/** Those of others: what a rule or a port mapping sends to the pod itself takes nothing away from it. */
export function heldByOthers(listeners: readonly HostListener[], pod: PodFact): readonly HostListener[] {
  const name = objectKey(pod.namespace, pod.name);
  const isOwn = ({ held }: HostListener) =>
    held !== undefined && (held.pod === name || (held.to !== null && pod.ips.includes(held.to)));
  return listeners.some(isOwn) ? listeners.filter((listener) => !isOwn(listener)) : listeners;
}

function nameOf({ held, port, protocol }: HostListener): string {
  return `${held?.pod} ${protocol} ${port}`;
}
