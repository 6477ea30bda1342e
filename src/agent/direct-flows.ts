import { FlowLines } from '../flows/flow-lines.ts';
import { planless } from '../flows/judge.ts';
import { Listing, listingPieces } from '../flows/listing.ts';
import { readQuestion } from '../flows/question.ts';
import type { FlowQuestion } from '../forms/questions.ts';
import { validQuery } from '../observe/invalid-query.ts';

/**
 * Flows of this network namespace without an agent: the agent's format, but with addresses only, since names and rules
 * are unknown. Throws InvalidQuery.
 *
 * @param now milliseconds since the epoch
 */
export function directFlows(question: FlowQuestion, now: number): AsyncIterable<Uint8Array> {
  const wanted = validQuery(readQuestion(question));
  const lines = new FlowLines(null, now);
  return listingPieces(new Listing(wanted, { judge: planless, names: null }), lines);
}
