import { InvalidQuery } from '../observe/invalid-query.ts';

/** For an agent that keeps none. */
export function noHistory(): never {
  throw new InvalidQuery('this agent keeps no history: start it with --history-dir');
}
