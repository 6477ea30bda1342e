import { FlowLines } from '../flows/flow-lines.ts';
import { planless } from '../flows/judge.ts';
import { Listing, listingPieces } from '../flows/listing.ts';
import { readQuestion } from '../flows/question.ts';
import type { FlowQuestion } from '../forms/questions.ts';
import { validQuery } from '../observe/invalid-query.ts';

/**
 * The flows of this network namespace where no agent runs: pieces as the agent gives them, with addresses alone, since
 * names and rules are not known. Throws InvalidQuery.
 *
 * @param now milliseconds since the epoch
 */
export function directFlows(question: FlowQuestion, now: number): AsyncIterable<Uint8Array> {
  const wanted = validQuery(readQuestion(question));
  const lines = new FlowLines(null, now);
  return listingPieces(new Listing(wanted, { judge: planless, names: null }), lines);
}
