import { answerFlow } from '../explain/answer.ts';
import { hintsOf } from '../explain/hints.ts';
import { type Packet, parseFlow } from '../explain/packet.ts';
import { packetOfQuestion } from '../explain/question.ts';
import { type Walk, walk } from '../explain/walk.ts';
import type { PacketQuestion } from '../forms/questions.ts';
import type { FlowAnswer } from '../forms/walk.ts';
import { InvalidQuery, validQuery } from '../observe/invalid-query.ts';
import type { Planner } from '../plan/planner.ts';

/** Includes the objects that almost match. Throws InvalidQuery. */
export function explainQuery(planner: Planner, question: PacketQuestion): Walk {
  const packet = validQuery(packetOfQuestion(question, planner));
  const walked = walk(planner.plan, planner.heldNode, packet);
  return { ...walked, hints: hintsOf(planner, walked) };
}

const ERRORS_SHOWN = 10;

/** Answers in the order of the flows. Throws InvalidQuery with index and field of each invalid flow. */
export function answerFlows(planner: Planner, flows: unknown): FlowAnswer[] {
  if (!Array.isArray(flows)) throw new InvalidQuery('the flows are no list: write [{"sourceIP": …}, …]');
  const valid: Packet[] = [];
  const errors: string[] = [];
  for (const [index, value] of flows.entries()) {
    const flow = parseFlow(value);
    if (typeof flow === 'string') errors.push(`flows[${index}]: ${flow}`);
    else valid.push(flow);
  }
  if (errors.length > 0) {
    const rest = errors.length - ERRORS_SHOWN;
    throw new InvalidQuery(`${errors.length} of ${flows.length} flows cannot be read`, [
      ...errors.slice(0, ERRORS_SHOWN),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ]);
  }
  return valid.map((flow) => answerFlow(planner.plan, planner.heldNode, flow));
}
