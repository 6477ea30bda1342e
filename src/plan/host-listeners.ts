import { firstReached, grouped } from '../base/collect.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { HostListener, NodeFacts } from '../model/node.ts';
import { formatRef, objectKey, refOf } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import { familyOf, formatEndpoint, type IpAddress } from '../net/address.ts';
import type { Protocol } from '../net/protocol.ts';
import type { Tuple } from './entry.ts';
import type { NatPlan } from './nat-plan.ts';

/** The listeners of each protocol by port; computed once, since lists never change. */
const byPort = new WeakMap<readonly HostListener[], ReadonlyMap<Protocol, readonly HostListener[]>>();

/**
 * Listeners that receive packets to these ports of the address, ordered by port, one for each port: one bound to the
 * address is preferred to one bound to every address. docs/spec/pod-nat.md, "Who wins".
 */
export function listenersIn(
  listeners: readonly HostListener[],
  { address, protocol, port }: Tuple,
  portCount: number,
): HostListener[] {
  const sorted = sortedOf(listeners).get(protocol) ?? [];
  const found: HostListener[] = [];
  const from = firstReached(sorted, (listener) => listener.port >= port);
  for (let i = from; i < sorted.length; i++) {
    const listener = sorted[i] as HostListener;
    if (listener.port >= port + portCount) break;
    if (!takes(listener, address)) continue;
    if (found.at(-1)?.port !== listener.port) found.push(listener);
    else if (listener.address !== null && found.at(-1)?.address === null) found[found.length - 1] = listener;
  }
  return found;
}

function takes({ address: bound, families }: HostListener, address: IpAddress): boolean {
  return bound === address || (bound === null && families.includes(familyOf(address)));
}

function sortedOf(listeners: readonly HostListener[]): ReadonlyMap<Protocol, readonly HostListener[]> {
  const known = byPort.get(listeners);
  if (known !== undefined) return known;
  const ordered = [...listeners].sort((a, b) => a.port - b.port);
  const sorted = grouped(ordered, ({ protocol }) => protocol);
  byPort.set(listeners, sorted);
  return sorted;
}

export function formatListener({ address, port }: HostListener): string {
  return address === null ? `*:${port}` : formatEndpoint(address, port);
}

/**
 * Host ports that the CNI plugin maps to the pod, in the families of the pod. A finished or terminating pod has none;
 * mappings that the plugin has not removed yet are found as rules.
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

/** The node facts with port mappings among the listeners, in an order that depends on their content alone. */
export function withHolders(node: NodeFacts, hostPorts: readonly HostListener[]): NodeFacts {
  if (hostPorts.length === 0 && node.portRules.length === 0) return node;
  const sorted = [...hostPorts].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return { ...node, listeners: [...node.listeners, ...sorted, ...node.portRules] };
}

/** Notices for Pods whose host port a Service, or a binding with takeover, gets. */
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

/** The listeners without rules and port mappings that lead to this pod itself. */
export function heldByOthers(listeners: readonly HostListener[], pod: PodFact): readonly HostListener[] {
  const name = objectKey(pod.namespace, pod.name);
  const isOwn = ({ held }: HostListener) =>
    held !== undefined && (held.pod === name || (held.to !== null && pod.ips.includes(held.to)));
  return listeners.some(isOwn) ? listeners.filter((listener) => !isOwn(listener)) : listeners;
}

function nameOf({ held, port, protocol }: HostListener): string {
  return `${held?.pod} ${protocol} ${port}`;
}
