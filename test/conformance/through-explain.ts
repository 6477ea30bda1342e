import { answerFlow } from '../../src/explain/answer.ts';
import { parseFlow } from '../../src/explain/packet.ts';
import { type Failure, failureOf } from './outcome.ts';
import { type ConformanceRecord, nodeOf, planOf } from './records.ts';

/** The flows of a record for which `explain` gives another answer. */
export function failuresOfExplain(record: ConformanceRecord): Failure[] {
  const plan = planOf(record);
  const node = nodeOf(record);
  return record.flows.flatMap((recorded) => {
    const flow = parseFlow(recorded);
    if (typeof flow === 'string') throw new TypeError(`${record.id} ${recorded.name}: ${flow}`);
    return failureOf(record.id, recorded, answerFlow(plan, node, flow)) ?? [];
  });
}
