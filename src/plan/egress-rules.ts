import type { EgressRuleFact } from '../model/egress-rule.ts';
import { selects } from '../model/label-selector.ts';
import { type NamespaceFact, namespaceLabels } from '../model/namespace.ts';
import type { NodeFacts } from '../model/node.ts';
import { type ObjectRef, objectKey } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { prefixSet } from '../net/prefix.ts';
import { type AddressSet, differenceOf, setContains, unionOf } from '../net/ranges.ts';
import { stableChoice } from './egress-address.ts';
import { cellsOf, pieces } from './egress-cells.ts';
import type { EgressChoice, EgressOutcome, EgressSource, FamilyScope } from './entry.ts';
import { egressSourceKey } from './entry-key.ts';
import { emptyFragment, type Fragment, type Notice } from './fragment.ts';
import { unusableOwnAddress } from './own-address.ts';
import { addressesHere } from './stray-pods.ts';

/** What EgressRules depend on, but for the pods. */
export interface EgressRuleFacts {
  readonly rules: readonly EgressRuleFact[];
  readonly pools: readonly PoolFact[];
  readonly node: NodeFacts;
  readonly scopes: Readonly<Record<Family, FamilyScope>>;
}

/** What the rules say of addresses of which no pod is known; pods come and go without changing it. */
export interface EgressRuleGround {
  readonly facts: EgressRuleFacts;
  /** In the order in which they are asked. */
  readonly rules: Readonly<Record<Family, readonly PlacedRule[]>>;
  readonly ranges: Readonly<Record<Family, readonly GroundRange[]>>;
}

interface GroundRange {
  readonly range: EgressSource['range'];
  readonly choices: readonly EgressChoice[];
}

/** The pods of the node, and the labels that choose among them. */
export interface EgressPods {
  readonly pods: readonly PodFact[];
  readonly namespaces: ReadonlyMap<string, NamespaceFact>;
}

/** A rule as it is for a family on this node. */
interface PlacedRule {
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

/** A pod of this node with an address of its own. */
interface PlacedPod {
  readonly pod: PodFact;
  readonly address: IpAddress;
}

/** Costs what there is of pools and rules; made anew when they change, not with every pod. */
export function egressRuleGround(facts: EgressRuleFacts): EgressRuleGround {
  const ordered = [...facts.rules].sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  const placed = (family: Family) => ordered.flatMap((fact) => placedRule(family, fact, facts) ?? []);
  const rules = { IPv4: placed('IPv4'), IPv6: placed('IPv6') };
  return {
    facts,
    rules,
    ranges: { IPv4: unknownSources('IPv4', rules.IPv4), IPv6: unknownSources('IPv6', rules.IPv6) },
  };
}

/**
 * The fragment of all EgressRules: what they say about every source that they speak of, in sources that do not overlap.
 * A pod is known by its addresses from the moment its object has them; docs/egress.md tells what that means for its
 * first packets.
 */
export function egressRuleFragment(ground: EgressRuleGround, pods: EgressPods): Fragment {
  const { rules, pools } = ground.facts;
  if (rules.length === 0) return emptyFragment;
  const notices = new Map<string, Notice>();
  const entries = FAMILIES.flatMap((family) => familySources(family, ground, pods, notices));
  for (const rule of rules) unknownPools(rule, pools, notices);
  for (const rule of rules) cannotHoldBack(rule, ground, notices);
  return { entries, notices: [...notices.values()] };
}

function familySources(
  family: Family,
  ground: EgressRuleGround,
  { pods, namespaces }: EgressPods,
  notices: Map<string, Notice>,
): EgressSource[] {
  const rules = ground.rules[family];
  if (rules.length === 0) return [];
  const { node, scopes } = ground.facts;
  const compiled = new Map<string, Pick<EgressSource, 'cells' | 'rest'>>();
  const source = (range: EgressSource['range'], pod: ObjectRef | null, choices: readonly EgressChoice[]) => {
    const likeness = likenessOf(choices);
    let rendered = compiled.get(likeness);
    if (rendered === undefined) {
      rendered = cellsOf(family, choices, scopes[family].egressExempt);
      compiled.set(likeness, rendered);
    }
    const key = egressSourceKey(family, range);
    return { kind: 'EgressSource', key, family, range, pod, choices, ...rendered } as const;
  };

  const ranges = ground.ranges[family];
  const entries: EgressSource[] = [];
  const apart: bigint[] = [];
  for (const { pod, address } of podsHere(family, pods, node)) {
    const choices = choicesOfPod(pod, address, rules, namespaces);
    noteFallbacks(pod, choices, node, notices);
    const number = addressNumber(address);
    const around = ranges.find(({ range }) => range.first <= number && number <= range.last);
    if (likenessOf(around?.choices ?? []) === likenessOf(choices)) continue;
    if (around !== undefined) apart.push(number);
    if (choices.length === 0) continue;
    const ref: ObjectRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name };
    entries.push(source({ first: number, last: number }, ref, choices));
  }
  const holes = unionOf(
    family,
    apart.map((number) => ({ first: number, last: number })),
  );
  for (const { range, choices } of ranges) {
    for (const piece of differenceOf({ family, ranges: [range] }, holes).ranges) {
      entries.push(source(piece, null, choices));
    }
  }
  return entries;
}

/** Null where the rule says nothing about the family: no address, or no destination of it. */
function placedRule(family: Family, fact: EgressRuleFact, facts: EgressRuleFacts): PlacedRule | null {
  const to = fact.to.length === 0 ? null : fact.to.filter(({ cidr }) => cidr.family === family);
  const addresses = fact.addresses.filter((address) => familyOf(address) === family);
  if (to?.length === 0 || (fact.action === 'Snat' && addresses.length === 0)) return null;
  const scope = facts.scopes[family];
  const named = facts.pools.filter(({ name }) => fact.pools.includes(name)).map(({ cidr }) => cidr);
  const inPools = prefixSet(family, named);
  const everywhere = fact.pools.length === 0;
  const everyPool = facts.pools.map(({ cidr }) => cidr);
  const here = [...new Set(addresses)].filter((address) => unusableOwnAddress(address, facts.node) === null);
  return {
    fact,
    to,
    here: here.sort(),
    region: everywhere ? scope.egressSources : inPools,
    podRegion: everywhere
      ? unionOf(family, [
          ...prefixSet(family, [...everyPool, ...facts.node.podCIDRs, ...facts.node.podNetworks]).ranges,
          ...scope.egressSources.ranges,
        ])
      : inPools,
    needsPod: fact.podSelector !== null || fact.namespaceSelector !== null || here.length > 1,
  };
}

/** What the rules say about addresses of which no pod is known, cut into ranges of which they say the same. */
function unknownSources(family: Family, rules: readonly PlacedRule[]): readonly GroundRange[] {
  const regionOf = (rule: PlacedRule) => (rule.needsPod ? rule.podRegion : rule.region);
  const speaking = rules.filter((rule) => !rule.needsPod || isHoldingBack(rule));
  const cut = pieces(
    family,
    speaking.flatMap((rule) => regionOf(rule).ranges),
  );
  const ranges: { range: { first: bigint; last: bigint }; choices: readonly EgressChoice[] }[] = [];
  let last = { likeness: '', end: -1n };
  for (const range of cut) {
    const choices = speaking
      .filter((rule) =>
        regionOf(rule).ranges.some((each) => each.first <= range.first && range.first <= each.last),
      )
      .map((rule) => (rule.needsPod ? choice(rule, { verdict: 'drop' }, 'unknown-pod') : addressless(rule)));
    const likeness = likenessOf(choices);
    const previous = ranges.at(-1);
    if (previous !== undefined && last.end + 1n === range.first && last.likeness === likeness) {
      previous.range.last = range.last;
    } else ranges.push({ range: { ...range }, choices });
    last = { likeness, end: range.last };
  }
  return ranges;
}

function choicesOfPod(
  pod: PodFact,
  address: IpAddress,
  rules: readonly PlacedRule[],
  namespaces: EgressPods['namespaces'],
): EgressChoice[] {
  const labels = namespaceLabels(pod.namespace, namespaces.get(pod.namespace));
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
    return [choice(rule, { verdict: 'snat', to: stableChoice(rule.here, nameOf(pod)) })];
  });
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
function likenessOf(choices: readonly EgressChoice[]): string {
  return choices
    .map(({ rule, outcome, fallback }) => `${rule} ${Object.values(outcome).join(' ')} ${fallback}`)
    .join(', ');
}

/**
 * The pods of this node by address, in order. Of two with one address the one that stays counts before one on its way
 * out, then the one created last, then the greater UID, then the name.
 */
function podsHere(family: Family, pods: readonly PodFact[], node: NodeFacts): PlacedPod[] {
  const byAddress = new Map<IpAddress, PodFact>();
  for (const pod of pods) {
    for (const address of addressesHere(pod, node)) {
      if (familyOf(address) !== family) continue;
      const other = byAddress.get(address);
      const wins =
        other === undefined ||
        (Number(other.terminating) - Number(pod.terminating) ||
          pod.createdAt - other.createdAt ||
          compareText(pod.uid, other.uid) ||
          compareText(nameOf(pod), nameOf(other))) > 0;
      if (wins) byAddress.set(address, pod);
    }
  }
  return [...byAddress]
    .map(([address, pod]) => ({ address, pod }))
    .sort((a, b) => (addressNumber(a.address) < addressNumber(b.address) ? -1 : 1));
}

function nameOf({ namespace, name }: PodFact): string {
  return objectKey(namespace, name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Only where it concerns a pod: of a rule with one address for each node, every node misses all but one. */
function noteFallbacks(
  pod: PodFact,
  choices: readonly EgressChoice[],
  node: NodeFacts,
  notices: Map<string, Notice>,
): void {
  for (const { rule, fallback, outcome } of choices) {
    if (fallback !== 'address' || notices.has(`address ${rule}`)) continue;
    const what = outcome.verdict === 'drop' ? 'dropped' : 'masqueraded';
    notices.set(`address ${rule}`, {
      reason: 'NatAddressNotLocal',
      object: { kind: 'EgressRule', namespace: '', name: rule },
      message: `node ${node.nodeName} has none of its addresses: what Pod ${nameOf(pod)} and others of this node send is ${what}`,
    });
  }
}

function unknownPools(rule: EgressRuleFact, pools: readonly PoolFact[], notices: Map<string, Notice>): void {
  const missing = rule.pools.filter((name) => !pools.some((pool) => pool.name === name));
  if (missing.length === 0) return;
  notices.set(`pools ${rule.name}`, {
    reason: 'NatInvalid',
    object: { kind: 'EgressRule', namespace: '', name: rule.name },
    message: `there is no IPPool ${missing.join(', ')}: correct spec.from.pools`,
  });
}

/** `fallback: drop` holds back what may be a pod; where no network of pods is known, nothing tells what may be one. */
function cannotHoldBack(rule: EgressRuleFact, ground: EgressRuleGround, notices: Map<string, Notice>): void {
  const placed = FAMILIES.flatMap((family) => ground.rules[family].filter(({ fact }) => fact === rule));
  const holding = placed.filter(isHoldingBack);
  const { nodeName } = ground.facts.node;
  if (rule.pools.length > 0 || holding.length === 0) return;
  if (holding.some(({ podRegion }) => podRegion.ranges.length > 0)) return;
  notices.set(`region ${rule.name}`, {
    reason: 'NatInvalid',
    object: { kind: 'EgressRule', namespace: '', name: rule.name },
    message:
      `node ${nodeName} knows no network of pods: a pod whose Pod is not known yet is not held back; name them in ` +
      'spec.from.pools',
  });
}

/** Sources of which no pod is known are dropped, in its podRegion. */
function isHoldingBack({ needsPod, fact }: PlacedRule): boolean {
  return needsPod && fact.action === 'Snat' && fact.fallback === 'drop';
}
