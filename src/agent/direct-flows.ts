import { FlowLines } from '../flows/flow-lines.ts';
import { planless } from '../flows/judge.ts';
import { Listing } from '../flows/listing.ts';
import { listingPieces } from '../flows/listing-pieces.ts';
import { type FlowQuestion, readQuestion } from '../flows/question.ts';
import { InvalidQuery } from './explain-query.ts';

/**
 * The flows of this network namespace where no agent runs: pieces as the agent gives them, with addresses alone, since
 * names and rules are not known. Throws InvalidQuery.
 *
 * @param now milliseconds since the epoch
 */
export function directFlows(question: FlowQuestion, now: number): AsyncIterable<Uint8Array> {
  const wanted = readQuestion(question);
  if (typeof wanted === 'string') throw new InvalidQuery(wanted);
  const lines = new FlowLines(wanted.format, null, now);
  return listingPieces(new Listing(wanted, { judge: planless, names: null }), lines);
}
