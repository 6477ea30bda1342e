import { explainQuery } from '../../agent/explain-query.ts';
import type { OfflinePlans } from '../../agent/offline.ts';
import { reasonOf } from '../../explain/answer.ts';
import { describeWalk, packetText } from '../../explain/describe.ts';
import { judge } from '../../explain/expectation.ts';
import { senderNode } from '../../explain/place.ts';
import type { Walk } from '../../explain/walk.ts';
import { InvalidQuery } from '../../observe/invalid-query.ts';
import type { Planner } from '../../plan/planner.ts';
import type { WrittenExpectation } from './expectations-file.ts';
import type { ExpectationResult } from './result.ts';

/** What a plan makes of an expectation. */
export interface Judged {
  readonly result: ExpectationResult;
  readonly walk: Walk | null;
}

/** The node that sees the packet. */
export function nodeOf(
  expectation: WrittenExpectation,
  plans: OfflinePlans,
  fallback: string | null,
): string {
  const { node, from = '' } = expectation;
  return node ?? senderNode(from, plans.facts) ?? fallback ?? plans.onlyNode();
}

export function judgeOne(expectation: WrittenExpectation, planner: Planner): ExpectationResult {
  return judgeWalk(expectation, planner).result;
}

/** @returns also the packet's walk; null: the expectation names what does not exist */
export function judgeWalk(expectation: WrittenExpectation, planner: Planner): Judged {
  const { origin } = expectation;
  const { nodeName: node } = planner.node;
  const written = `${expectation.from} → ${expectation.to}`;
  const result = { name: expectation.name ?? written, origin, node };
  const unjudged = (error: string): Judged => {
    const nothing = { packet: '', mismatches: [], notes: [], because: '', explanation: [] };
    const outcome = { passed: false, outcome: 'not-met', unknown: null } as const;
    return { result: { ...result, ...nothing, ...outcome, error }, walk: null };
  };
  try {
    const walk = explainQuery(planner, expectation);
    const judgement = judge(expectation, walk, planner);
    if (typeof judgement === 'string') return unjudged(judgement);
    const { mismatches, notes } = judgement;
    const passed = mismatches.length === 0;
    const because = reasonOf(walk);
    const explanation = passed ? [] : describeWalk(walk);
    const packet = packetText(walk.packet);
    const outcome = { passed, outcome: passed ? 'met' : 'not-met', unknown: null } as const;
    const rest = { packet, mismatches, error: null, notes, because, explanation };
    return { result: { ...result, ...outcome, ...rest }, walk };
  } catch (error) {
    if (error instanceof InvalidQuery) return unjudged(error.message);
    throw error;
  }
}
