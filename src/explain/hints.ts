import type { Hint, HintFacts } from './hint.ts';
import { destinationHints } from './hints-destination.ts';
import { endpointHints } from './hints-endpoints.ts';
import { sourceHints } from './hints-source.ts';
import type { Walk } from './walk.ts';

/** More are more than anybody reads. */
const SHOWN = 5;

/**
 * What nearly happened to the packet, and why it did not: for somebody who is sure that it should. Looks at all objects,
 * so it is for one packet that a person asks about, not for thousands.
 */
export function hintsOf(facts: HintFacts, walk: Walk): Hint[] {
  return [...destinationHints(facts, walk), ...endpointHints(facts, walk), ...sourceHints(facts, walk)].slice(
    0,
    SHOWN,
  );
}
