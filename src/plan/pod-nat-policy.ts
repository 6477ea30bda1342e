import { type LabelSelector, selects } from '../model/label-selector.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact, PodNatEntry } from '../model/pod.ts';
import { compareText } from '../model/text.ts';
import type { IpAddress } from '../net/address.ts';
import { formatSpan, type PortSpan, portsWithout } from '../net/port.ts';
import { type Prefix, prefixContains } from '../net/prefix.ts';
import type { Protocol } from '../net/protocol.ts';

/** Ports of a node that no pod may bind, inclusive. */
export interface ReservedPorts extends PortSpan {
  /** Null: every protocol. */
  readonly protocol: Protocol | null;
  readonly why: string;
}

/** What an administrator allows the Pod NAT annotation to do. docs/pod-nat.md. */
export interface PodNatPolicy {
  /** Namespaces that may use Pod NAT; `team-*` matches by prefix. All may if `namespaceSelector` is null too. */
  readonly namespaces: readonly string[] | null;
  /** Namespaces with such labels may as well. */
  readonly namespaceSelector: LabelSelector | null;
  /** Ports of the node that may be bound; null: all ports without an owner. */
  readonly ports: readonly PortSpan[] | null;
  /** Networks of the node addresses that may be bound; null: all addresses of the node. */
  readonly addresses: readonly Prefix[] | null;
  /** Whether `"takeover": true` has an effect. */
  readonly takeover: boolean;
  readonly reserved: readonly ReservedPorts[];
  /** Ports that may be bound although they are reserved. */
  readonly unreserved: readonly PortSpan[];
  /** Limit of the ports of one pod, counted over all its entries; null: no limit. */
  readonly maxPortsPerPod: number | null;
  /** The same for all pods of a namespace on one node. */
  readonly maxPortsPerNamespace: number | null;
}

const BY_WHOM = 'an administrator decides that';

/** @param labels of the Namespace; null: not known @returns null if its pods may use Pod NAT */
export function namespaceRefusal(
  { namespaces, namespaceSelector }: PodNatPolicy,
  namespace: string,
  labels: Readonly<Record<string, string>> | null,
): string | null {
  if (namespaces === null && namespaceSelector === null) return null;
  if (namespaces?.some((pattern) => matches(pattern, namespace))) return null;
  if (namespaceSelector !== null && labels !== null && selects(namespaceSelector, labels)) return null;
  const how =
    namespaceSelector === null
      ? '--pod-nat-namespaces'
      : '--pod-nat-namespaces, or labels of the Namespace with --pod-nat-namespace-selector';
  return `Pods of namespace ${namespace} may not use Pod NAT: ${BY_WHOM} (${how})`;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Null if the ports may be bound at some address. */
export function portRefusal(
  { reserved, unreserved, ports }: PodNatPolicy,
  entry: PodNatEntry,
): string | null {
  const wanted = { first: entry.sourcePort, last: entry.sourcePort + entry.portCount - 1 };
  const asked = formatSpan(wanted);
  for (const range of reserved) {
    if (range.protocol !== null && range.protocol !== entry.protocol) continue;
    const hit = { first: Math.max(wanted.first, range.first), last: Math.min(wanted.last, range.last) };
    if (hit.first > hit.last || isWithin(hit, unreserved)) continue;
    return `srcPort ${asked} is reserved for ${range.why} (${formatSpan(range)}); choose another, or ${BY_WHOM} (--pod-nat-unreserved-ports)`;
  }
  if (ports === null || isWithin(wanted, ports)) return null;
  return `srcPort ${asked} may not be bound: ${BY_WHOM}, and allows ${ports.length === 0 ? 'none' : ports.map(formatSpan).join(', ')} (--pod-nat-ports)`;
}

/** Null if the address may be bound. */
export function addressRefusal({ addresses }: PodNatPolicy, bound: IpAddress): string | null {
  if (addresses === null || addresses.some((prefix) => prefixContains(prefix, bound))) return null;
  return `${bound} may not be bound: ${BY_WHOM} (--pod-nat-addresses)`;
}

/** Part of a message: `takeover` would help. */
export const TAKEOVER =
  '"takeover": true lets the pod have it where an administrator allows that (--pod-nat-takeover)';

/** Part of a message: `takeover` would help and is not allowed. */
export const TAKEOVER_REFUSED = `"takeover" does not count here: ${BY_WHOM} (--pod-nat-takeover)`;

/** The entries of one pod that exceed a limit: index → reason. */
export type BeyondLimits = ReadonlyMap<number, string>;

/** By the keys of their pods. Pods are counted by age, then uid; the entries of a pod in order. */
export function beyondLimits(
  policy: PodNatPolicy,
  pods: readonly PodFact[],
): ReadonlyMap<string, BeyondLimits> {
  const { maxPortsPerPod, maxPortsPerNamespace } = policy;
  const beyond = new Map<string, BeyondLimits>();
  if (maxPortsPerPod === null && maxPortsPerNamespace === null) return beyond;
  let ofNamespace = 0;
  for (const pod of [...pods].sort(byAge)) {
    const refused = new Map<number, string>();
    let ofPod = 0;
    for (const [index, entry] of (pod.nat?.entries ?? []).entries()) {
      if (portRefusal(policy, entry) !== null) continue;
      const { portCount } = entry;
      if (ofPod + portCount > (maxPortsPerPod ?? Number.POSITIVE_INFINITY)) {
        refused.set(
          index,
          `a pod may have ${maxPortsPerPod} ports: ${BY_WHOM} (--pod-nat-max-ports-per-pod)`,
        );
      } else if (ofNamespace + portCount > (maxPortsPerNamespace ?? Number.POSITIVE_INFINITY)) {
        refused.set(
          index,
          `the pods of a namespace may have ${maxPortsPerNamespace} ports of a node, and older pods or entries have them: ${BY_WHOM} (--pod-nat-max-ports-per-namespace)`,
        );
      } else {
        ofPod += portCount;
        ofNamespace += portCount;
      }
    }
    if (refused.size > 0) beyond.set(objectKey(pod.namespace, pod.name), refused);
  }
  return beyond;
}

function byAge(a: PodFact, b: PodFact): number {
  return a.createdAt - b.createdAt || compareText(a.uid, b.uid) || compareText(a.name, b.name);
}

/** True if the other spans contain every port of the span. */
function isWithin(span: PortSpan, spans: readonly PortSpan[]): boolean {
  return portsWithout([span], spans).length === 0;
}
