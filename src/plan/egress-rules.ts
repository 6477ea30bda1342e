import type { EgressRuleFact } from '../model/egress-rule.ts';
import { findingOf, type Notice } from '../model/finding.ts';
import { type NamespaceFact, namespaceLabels } from '../model/namespace.ts';
import type { NodeFacts } from '../model/node.ts';
import { formatRef, type ObjectRef, refOf } from '../model/object.ts';
import type { PodFact } from '../model/pod.ts';
import type { PoolFact } from '../model/pool.ts';
import { compareText } from '../model/text.ts';
import { addressNumber, familyOf, type IpAddress } from '../net/address.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { differenceOf, unionOf } from '../net/ranges.ts';
import { cellsOf } from './egress-cells.ts';
import {
  choicesOfPod,
  type EgressRuleGround,
  egressRuleGround,
  isHoldingBack,
  likenessOf,
} from './egress-ground.ts';
import type { EgressChoice, EgressSource } from './entry.ts';
import { egressSourceKey } from './entry-key.ts';
import type { FactStore } from './fact-store.ts';
import { emptyFragment, type Fragment, isolated, unusable } from './fragment.ts';
import type { ScopeFragment } from './scope.ts';
import { addressesHere } from './stray-pods.ts';

/** Computes the fragment of all EgressRules. The part that does not depend on pods is kept until `forget`. */
export class EgressPlanner {
  #ground: ReturnType<typeof isolated<EgressRuleFact, EgressRuleGround>> | null = null;

  /** The scope or a rule changed. */
  forget(): void {
    this.#ground = null;
  }

  fragment(facts: FactStore, node: NodeFacts, scopes: ScopeFragment['scopes']): Fragment {
    const pools = [...facts.of('IPPool').values()];
    const namespaces = facts.of('Namespace');
    this.#ground ??= isolated([...facts.of('EgressRule').values()], (rules) => {
      const ground = egressRuleGround({ rules, pools, node, scopes });
      egressRuleFragment(ground, { pods: [], namespaces });
      return ground;
    });
    const { result: ground, faulty: rules } = this.#ground;
    const known = facts.of('EgressRule').size === 0 ? [] : [...facts.of('Pod').values()];
    const { result, faulty: pods } = isolated(known, (some) =>
      egressRuleFragment(ground, { pods: some, namespaces }),
    );
    const left = [
      ...rules.map(({ item, error }) => unusable(refOf('EgressRule', item), error)),
      ...pods.map(({ item, error }) => unusable(refOf('Pod', item), error)),
    ];
    return { entries: result.entries, notices: [...result.notices, ...left] };
  }
}

/** The pods of the node, and the labels that choose among them. */
interface EgressPods {
  readonly pods: readonly PodFact[];
  readonly namespaces: ReadonlyMap<string, NamespaceFact>;
}

/** A pod of this node with an address of its own. */
interface PlacedPod {
  readonly pod: PodFact;
  readonly address: IpAddress;
}

/**
 * An entry for each range of sources that rules match; ranges do not overlap. A pod is known as soon as its object has
 * addresses; docs/egress.md explains what happens to its first packets.
 */
function egressRuleFragment(ground: EgressRuleGround, pods: EgressPods): Fragment {
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
    const labels = namespaceLabels(pod.namespace, namespaces.get(pod.namespace));
    const choices = choicesOfPod(pod, address, rules, labels);
    noteFallbacks(pod, choices, node, notices);
    const number = addressNumber(address);
    const around = ranges.find(({ range }) => range.first <= number && number <= range.last);
    if (likenessOf(around?.choices ?? []) === likenessOf(choices)) continue;
    if (around !== undefined) apart.push(number);
    if (choices.length === 0) continue;
    entries.push(source({ first: number, last: number }, refOf('Pod', pod), choices));
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

/**
 * In order of addresses. If two pods have one address, a terminating pod loses; then the one created last wins, then
 * the greater UID, then the name.
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
          compareText(formatRef(refOf('Pod', pod)), formatRef(refOf('Pod', other)))) > 0;
      if (wins) byAddress.set(address, pod);
    }
  }
  return [...byAddress]
    .map(([address, pod]) => ({ address, pod }))
    .sort((a, b) => (addressNumber(a.address) < addressNumber(b.address) ? -1 : 1));
}

/** Only if a pod is affected: with one address for each node in a rule, every node lacks all addresses but one. */
function noteFallbacks(
  pod: PodFact,
  choices: readonly EgressChoice[],
  node: NodeFacts,
  notices: Map<string, Notice>,
): void {
  for (const { rule, fallback, outcome } of choices) {
    if (fallback !== 'address' || notices.has(`address ${rule}`)) continue;
    const what = outcome.verdict === 'drop' ? 'dropped' : 'masqueraded';
    notices.set(
      `address ${rule}`,
      findingOf(
        'NatAddressNotLocal',
        refOf('EgressRule', { name: rule }),
        `node ${node.nodeName} has none of its addresses: what ${formatRef(refOf('Pod', pod))} and others of this node send is ${what}`,
      ),
    );
  }
}

function unknownPools(rule: EgressRuleFact, pools: readonly PoolFact[], notices: Map<string, Notice>): void {
  const missing = rule.pools.filter((name) => !pools.some((pool) => pool.name === name));
  if (missing.length === 0) return;
  notices.set(
    `pools ${rule.name}`,
    findingOf(
      'NatInvalid',
      refOf('EgressRule', rule),
      `there is no IPPool ${missing.join(', ')}: correct spec.from.pools`,
    ),
  );
}

/** `fallback: drop` drops packets of unknown pods; without a known network of pods, they cannot be recognised. */
function cannotHoldBack(rule: EgressRuleFact, ground: EgressRuleGround, notices: Map<string, Notice>): void {
  const placed = FAMILIES.flatMap((family) => ground.rules[family].filter(({ fact }) => fact === rule));
  const holding = placed.filter(isHoldingBack);
  const { nodeName } = ground.facts.node;
  if (rule.pools.length > 0 || holding.length === 0) return;
  if (holding.some(({ podRegion }) => podRegion.ranges.length > 0)) return;
  notices.set(
    `region ${rule.name}`,
    findingOf(
      'NatInvalid',
      refOf('EgressRule', rule),
      `node ${nodeName} knows no network of pods: a pod whose Pod is not known yet is not held back; name them in ` +
        'spec.from.pools',
    ),
  );
}
