import type { EgressRuleFact } from '../model/egress-rule.ts';
import { selects } from '../model/label-selector.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { IpAddress } from '../net/address.ts';
import { type AddressSet, setContains } from '../net/ranges.ts';
import type { EgressChoice, EgressOutcome } from './entry.ts';

/** A rule as it applies to one family on this node. */
export interface PlacedRule {
  readonly fact: EgressRuleFact;
  /** Destinations of the family; null: everything outside all pools. */
  readonly to: EgressChoice['to'];
  /** The rule's addresses of the family that this node has, sorted. */
  readonly here: readonly IpAddress[];
  /** Possible sources: its pools; without pools, all sources of egress NAT. */
  readonly region: AddressSet;
  /** Where pods that the rule selects may have addresses. */
  readonly podRegion: AddressSet;
  /** True if the rule applies only to known pods: it has selectors, or chooses among several addresses. */
  readonly needsPod: boolean;
}

/** The choices for a known pod with this address. @param labels of its Namespace */
export function choicesOfPod(
  pod: PodFact,
  address: IpAddress,
  rules: readonly PlacedRule[],
  labels: Readonly<Record<string, string>>,
): EgressChoice[] {
  return rules.flatMap((rule) => {
    const { podSelector, namespaceSelector, pools } = rule.fact;
    const selected =
      (podSelector === null || selects(podSelector, pod.labels)) &&
      (namespaceSelector === null || selects(namespaceSelector, labels));
    const bySelector = podSelector !== null || namespaceSelector !== null;
    // A selector selects pods at any address, unless the rule also names pools.
    const inRegion = (bySelector && pools.length === 0) || setContains(rule.region, address);
    if (!selected || !inRegion) return [];
    if (rule.here.length < 2) return [addressless(rule)];
    return [
      choice(rule, { verdict: 'snat', to: stableChoice(rule.here, objectKey(pod.namespace, pod.name)) }),
    ];
  });
}

/** The choice for sources of the rule's region without a known pod. */
export function choiceOfUnknown(rule: PlacedRule): EgressChoice {
  return rule.needsPod ? choice(rule, { verdict: 'drop' }, 'unknown-pod') : addressless(rule);
}

/** True if the rule drops packets of its `podRegion` whose pod is not known. */
export function isHoldingBack({ needsPod, fact }: PlacedRule): boolean {
  return needsPod && fact.action === 'Snat' && fact.fallback === 'drop';
}

/** The rule's choice if it has at most one address on this node. */
function addressless(rule: PlacedRule): EgressChoice {
  const { action, fallback } = rule.fact;
  const [only] = rule.here;
  if (action === 'Keep') return choice(rule, { verdict: 'keep' });
  if (action === 'Masquerade') return choice(rule, { verdict: 'masquerade' });
  if (only !== undefined) return choice(rule, { verdict: 'snat', to: only });
  return choice(rule, { verdict: fallback === 'drop' ? 'drop' : 'masquerade' }, 'address');
}

function choice(
  { fact, to }: PlacedRule,
  outcome: EgressOutcome,
  fallback: EgressChoice['fallback'] = null,
): EgressChoice {
  return { rule: fact.name, reason: fact.reason, to, outcome, fallback };
}

/** Equal for equal choices: names of rules are unique, and a rule always has the same destinations. */
export function likenessOf(choices: readonly EgressChoice[]): string {
  return choices
    .map(({ rule, outcome, fallback }) => `${rule} ${Object.values(outcome).join(' ')} ${fallback}`)
    .join(', ');
}

/**
 * Chooses one of several addresses for a pod, by rendezvous hashing: the order of the addresses does not matter, the choice
 * stays while the chosen address exists, and a new address takes over only its share of the pods. `name` is the pod's
 * namespace and name, so that a pod of a StatefulSet keeps its address over restarts. Throws RangeError without addresses.
 */
export function stableChoice(addresses: readonly IpAddress[], name: string): IpAddress {
  let best: { address: IpAddress; weight: number } | null = null;
  for (const address of addresses) {
    const weight = hashOf(`${name} ${address}`);
    if (best === null || weight > best.weight || (weight === best.weight && address < best.address)) {
      best = { address, weight };
    }
  }
  if (best === null) throw new RangeError('no address to choose from');
  return best.address;
}

/** FNV-1a with the finalizer of MurmurHash3, which spreads the last characters over all bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
