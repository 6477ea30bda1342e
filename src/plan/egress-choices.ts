import type { EgressRuleFact } from '../model/egress-rule.ts';
import { selects } from '../model/label-selector.ts';
import { objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { IpAddress } from '../net/address.ts';
import { type AddressSet, setContains } from '../net/ranges.ts';
import type { EgressChoice, EgressOutcome } from './entry.ts';

/** A rule as it is for a family on this node. */
export interface PlacedRule {
  readonly fact: EgressRuleFact;
  /** Of the family; null: what leaves all pools. */
  readonly to: EgressChoice['to'];
  /** Addresses of the family that this node bears, sorted. */
  readonly here: readonly IpAddress[];
  /** Where its sources lie: its pools; without pools, whatever is NATed from. */
  readonly region: AddressSet;
  /** Where sources lie that may be pods which it selects. */
  readonly podRegion: AddressSet;
  /** Selectors, or a choice among addresses, ask for a pod that is known. */
  readonly needsPod: boolean;
}

/** What the rules say about a known pod with this address. @param labels of its Namespace */
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
    // A selector chooses a pod wherever its address lies, unless pools are named too.
    const inRegion = (bySelector && pools.length === 0) || setContains(rule.region, address);
    if (!selected || !inRegion) return [];
    if (rule.here.length < 2) return [addressless(rule)];
    return [
      choice(rule, { verdict: 'snat', to: stableChoice(rule.here, objectKey(pod.namespace, pod.name)) }),
    ];
  });
}

/** What a rule says about sources of its region of which no pod is known. */
export function choiceOfUnknown(rule: PlacedRule): EgressChoice {
  return rule.needsPod ? choice(rule, { verdict: 'drop' }, 'unknown-pod') : addressless(rule);
}

/** Sources of which no pod is known are dropped, in its podRegion. */
export function isHoldingBack({ needsPod, fact }: PlacedRule): boolean {
  return needsPod && fact.action === 'Snat' && fact.fallback === 'drop';
}

/** The rule where there is no choice among addresses. */
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

/** Choices with equal texts are equal: rules have unique names, and a rule's destinations are its own. */
export function likenessOf(choices: readonly EgressChoice[]): string {
  return choices
    .map(({ rule, outcome, fallback }) => `${rule} ${Object.values(outcome).join(' ')} ${fallback}`)
    .join(', ');
}

/**
 * The address of a pod among several: always the same, whatever the order, for as long as the address is there
 * (rendezvous hashing: an address more takes over its share of the pods, and nobody else moves). `name` is the pod's
 * namespace and name, so that a pod of a StatefulSet keeps its address over restarts. Throws RangeError without one.
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
