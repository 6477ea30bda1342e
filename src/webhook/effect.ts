import { addTo, grouped } from '../base/collect.ts';
import type { FactChange } from '../model/facts.ts';
import { type WhatIf, whatIfOn } from '../what-if/answer.ts';
import type { PlannedChange } from '../what-if/planned.ts';
import type { ClusterState } from './cluster-state.ts';
import { type Concerned, concernedBy, factsOfServices } from './concerned.ts';
import {
  concernedExpectations,
  factsOf,
  type Judge,
  type Placed,
  type Protected,
  type ProtectedExpectation,
  type Verdict,
} from './expectations.ts';
import type { NodePlan } from './node-plan.ts';
import type { ReviewedChange } from './reviewed-change.ts';
import { signatureOf } from './signature.ts';

/** Nodes on which the same entries change. */
export interface AlikeNodes {
  readonly nodes: string[];
  /** Of the first of them. */
  readonly whatIf: WhatIf;
  /** The first one's own addresses. */
  readonly own: readonly string[];
}

/** An expectation that is met now, and would not be. */
export interface Broken {
  readonly expectation: ProtectedExpectation;
  readonly node: string;
  readonly verdict: Verdict;
}

/** What a change does on the nodes of a cluster. */
export interface Effect {
  readonly alike: readonly AlikeNodes[];
  readonly broken: readonly Broken[];
  /** All that may be concerned. */
  readonly nodeCount: number;
  /** Those that were not looked at, since the time was over or there are too many. */
  readonly unseenNodes: number;
  /** Protected expectations that were not judged, since the time was over. */
  readonly unjudged: number;
}

export interface EffectQuestion {
  readonly state: ClusterState;
  readonly guarded: Protected;
  readonly judge: Judge;
  /** True: the time is over. What was found until then is the answer. */
  readonly isOver: () => boolean;
}

/**
 * Asks node after node, those with concerned expectations first. One node is always asked. On nodes whose entries change
 * alike, only the first is searched for packets.
 */
export function effectOf(change: ReviewedChange, question: EffectQuestion): Effect {
  const { state, guarded, judge, isOver } = question;
  const concerned = concernedBy(change, state);
  const placed = grouped(concernedExpectations(guarded, concerned, state), ({ node }) => node);
  const names = concernedNodes(change, state);
  const plans = [...placed.keys(), ...(names ?? state.plans().map(({ name }) => name))].flatMap(
    (name) => state.plan(name) ?? [],
  );
  const groups = new Map<string, AlikeNodes>();
  const broken: Broken[] = [];
  let [asked, unjudged] = [0, 0];
  for (const plan of new Set(plans)) {
    const here = placed.get(plan.name) ?? [];
    if (asked > 0 && isOver()) {
      unjudged += here.length;
      continue;
    }
    asked++;
    askNode(plan, here, { change, concerned, state, judge }, (planned) => {
      broken.push(...brokenOf(here, planned.seen));
      const isIncluded = names === null || names.includes(plan.name);
      const signature = isIncluded ? signatureOf(planned.comparison, planned.conflicts) : null;
      if (signature === null) return;
      const known = groups.get(signature);
      if (known !== undefined) {
        known.nodes.push(plan.name);
        return;
      }
      const own = planned.comparison.after.node.localAddresses.map(({ address }) => address);
      groups.set(signature, { nodes: [plan.name], whatIf: whatIfOn(planned), own });
    });
  }
  const nodeCount = names?.length ?? state.nodeCount;
  return {
    alike: [...groups.values()],
    broken,
    nodeCount,
    unseenNodes: Math.max(0, nodeCount - asked),
    unjudged,
  };
}

interface Asked {
  readonly change: ReviewedChange;
  readonly concerned: Concerned;
  readonly state: ClusterState;
  readonly judge: Judge;
}

function askNode(
  plan: NodePlan,
  here: readonly Placed[],
  { change, concerned, state, judge }: Asked,
  look: (planned: PlannedChange<readonly Verdict[]>) => void,
): void {
  const isHere = (each: FactChange) => each.kind !== 'Pod' || podNode(each, state) === plan.name;
  const borrowed = new Map<string, FactChange>();
  for (const each of [
    ...factsOfServices(concerned.services, state),
    ...factsOf(here, state),
    ...change.former.filter(isHere),
  ]) {
    borrowed.set(`${each.kind} ${each.key}`, each);
  }
  // A Pod that an expectation names goes even where it is not bound: its name is gone.
  const named = new Set(here.flatMap(({ pods }) => pods));
  const changes = change.changes.filter((each) => isHere(each) || named.has(each.key));
  try {
    plan.ask([...borrowed.values()], changes, look, (planner) =>
      here.map(({ expectation }) => judge(expectation, planner)),
    );
  } catch (error) {
    state.rebuild(plan.name);
    throw error;
  }
}

function brokenOf(
  here: readonly Placed[],
  seen: { readonly before: readonly Verdict[]; readonly after: readonly Verdict[] },
): Broken[] {
  return here.flatMap(({ expectation, node }, index) => {
    const [was, verdict] = [seen.before[index], seen.after[index]];
    const breaks = was?.passed === true && verdict?.passed === false;
    return breaks ? [{ expectation, node, verdict }] : [];
  });
}

/** Null: every node may be concerned. A Pod concerns its node alone. */
function concernedNodes({ changes }: ReviewedChange, state: ClusterState): readonly string[] | null {
  const nodes = new Map<string, FactChange[]>();
  for (const each of changes) {
    if (each.kind !== 'Pod') return null;
    const node = podNode(each, state);
    if (node !== '') addTo(nodes, node, each);
  }
  return [...nodes.keys()];
}

function podNode({ key, fact }: FactChange, { facts }: ClusterState): string {
  const pod = (fact ?? facts.of('Pod').get(key)) as { readonly nodeName?: string } | undefined;
  return pod?.nodeName ?? '';
}
