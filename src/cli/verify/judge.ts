import { explainQuery } from '../../agent/explain-query.ts';
import type { OfflinePlans } from '../../agent/offline.ts';
import { reasonOf } from '../../explain/answer.ts';
import { describeWalk, packetText } from '../../explain/describe.ts';
import { judge } from '../../explain/expectation.ts';
import { senderNode } from '../../explain/place.ts';
import { InvalidQuery } from '../../observe/invalid-query.ts';
import type { Planner } from '../../plan/planner.ts';
import type { WrittenExpectation } from './expectations-file.ts';
import type { ExpectationResult } from './result.ts';

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
  const { origin } = expectation;
  const { nodeName: node } = planner.node;
  const written = `${expectation.from} → ${expectation.to}`;
  const result = { name: expectation.name ?? written, origin, node };
  const unjudged = (error: string): ExpectationResult => {
    const nothing = { packet: '', mismatches: [], notes: [], because: '', explanation: [] };
    return { ...result, ...nothing, passed: false, error };
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
    return { ...result, packet, passed, mismatches, error: null, notes, because, explanation };
  } catch (error) {
    if (error instanceof InvalidQuery) return unjudged(error.message);
    throw error;
  }
}
