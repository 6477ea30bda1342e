import { planless } from '../flows/judge.ts';
import { Listing } from '../flows/listing.ts';
import { type FlowQuestion, readQuestion } from '../flows/question.ts';
import { everyFlow } from '../flows/table.ts';
import { InvalidQuery } from './explain-query.ts';

/**
 * The flows of this network namespace where no agent runs: lines as the agent gives them, with addresses alone, since
 * names and rules are not known. Throws InvalidQuery.
 *
 * @param now milliseconds since the epoch
 */
export async function* directFlows(question: FlowQuestion, now: number): AsyncGenerator<readonly string[]> {
  const wanted = readQuestion(question);
  if (typeof wanted === 'string') throw new InvalidQuery(wanted);
  const listing = new Listing(wanted, { judge: planless, names: null, now });
  let lines: string[] = [];
  const look = everyFlow((flow) => {
    const report = listing.look(flow);
    if (report !== null) lines.push(JSON.stringify(report));
  });
  for await (const _ of look) {
    yield lines;
    lines = [];
    if (listing.isFull) break;
  }
  yield [...lines, JSON.stringify({ end: listing.end })];
}
