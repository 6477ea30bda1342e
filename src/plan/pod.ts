import { limits } from '../limits/table.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import type { NodeFacts } from '../model/node.ts';
import { refOf } from '../model/object.ts';
import type { PodFact, PodNatEntry, PodNatRequest } from '../model/pod.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { formatPrefix, type Prefix, prefixSet } from '../net/prefix.ts';
import { blockCount } from '../net/ranges.ts';
import { emptyFragment, type Fragment } from './fragment.ts';
import type { PlanOptions } from './options.ts';
import { PodClaims } from './pod-claims.ts';
import { type BeyondLimits, namespaceRefusal, portRefusal } from './pod-nat-policy.ts';

/**
 * Bindings (DNAT) while the Pod is Ready, and the source of its own connections (SNAT) as soon as it has an address.
 * docs/spec/pod-nat.md, "What is programmed" and "Who wins".
 */
export function podFragment(
  pod: PodFact,
  node: NodeFacts,
  options: PlanOptions,
  peers: PodPeers = { namespaceLabels: null },
): Fragment {
  if (pod.nat === null || !claimsPorts(pod, node)) return emptyFragment;
  const object = refOf('Pod', pod);
  const warnings = pod.nat.warnings.map((message) => findingOf('NatInvalid', object, message));
  const refusal = refusalOfAll(pod, pod.nat, options, peers);
  if (refusal !== null)
    return { entries: [], notices: [...warnings, findingOf(refusal.code, object, refusal.message)] };
  const claims = new PodClaims(pod, node, options);
  for (const [index, entry] of pod.nat.entries.entries()) {
    const refused = portRefusal(options.podNatPolicy, entry) ?? peers.beyondLimits?.get(index) ?? null;
    if (refused === null) claims.add(entry, index);
    else claims.note('NatRestricted', `entry ${index}: ${refused}`);
  }
  const { entries, notices } = claims.finish();
  return { entries, notices: [...warnings, ...notices] };
}

/** Why the whole annotation is refused; null if its entries are judged one by one. */
function refusalOfAll(
  { namespace, hostNetwork }: PodFact,
  { entries, error, isRestricted }: PodNatRequest,
  { podNatPolicy, sizes }: PlanOptions,
  { namespaceLabels }: PodPeers,
): Pick<Notice, 'code' | 'message'> | null {
  const refusal = namespaceRefusal(podNatPolicy, namespace, namespaceLabels);
  if (refusal !== null) return { code: 'NatRestricted', message: refusal };
  if (error !== null) return { code: isRestricted ? 'NatRestricted' : 'NatInvalid', message: error };
  if (entries.length > 0 && hostNetwork) {
    const message = 'the pod uses the host network: its ports are the node’s already; remove the annotation';
    return { code: 'NatHostNetwork', message };
  }
  const tooMany = beyondBounds(entries, sizes.networksPerList);
  return tooMany === null ? null : { code: 'NatInvalid', message: tooMany };
}

/** True if the annotation of the pod applies on this node. */
export function claimsPorts(pod: PodFact, node: Pick<NodeFacts, 'nodeName'>): boolean {
  return pod.nat !== null && pod.nodeName === node.nodeName && !pod.finished && !pod.terminating;
}

export interface PodPeers {
  /** Of the pod's Namespace; null: not known. */
  readonly namespaceLabels: Readonly<Record<string, string>> | null;
  /** Absent: the pod is within all limits. */
  readonly beyondLimits?: BeyondLimits | undefined;
}

/** Limit of entries of one Pod, so that one annotation cannot fill the kernel's sets. docs/pod-nat.md, "How many". */
const MOST_ENTRIES = limits['pod-entries'].most;

/**
 * Why the annotation is too long; null if it is not. Equal entries and equal lists count once.
 *
 * @param mostNetworks in all lists together
 */
function beyondBounds(entries: readonly PodNatEntry[], mostNetworks: number): string | null {
  const different = new Set<string>();
  const lists = new Map<string, number>();
  for (const entry of entries) {
    const { sourceIP, sourcePort, destinationPort, portCount, protocol, allow, egress, takeover } = entry;
    const list = allow === null ? '' : allow.map(formatPrefix).join();
    different.add(
      [sourceIP, sourcePort, destinationPort, portCount, protocol, egress, takeover, list].join(' '),
    );
    if (allow !== null && !lists.has(list)) lists.set(list, networkCount(allow));
  }
  if (different.size > MOST_ENTRIES) {
    return `${different.size} entries, and ${MOST_ENTRIES} have room: write neighbouring ports as a range`;
  }
  const allowed = [...lists.values()].reduce((sum, length) => sum + length, 0);
  if (allowed <= mostNetworks) return null;
  return `${allowed} networks in "allow", and ${mostNetworks} have room (--max-source-networks-per-list): name wider networks, or the same list in each entry`;
}

function networkCount(allow: readonly Prefix[]): number {
  const of = (family: Family) => prefixSet(family, allow);
  return FAMILIES.reduce((sum, family) => sum + blockCount(of(family)), 0);
}
