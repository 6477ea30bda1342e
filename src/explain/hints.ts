import type { Hint, HintFacts } from './hint.ts';
import { destinationHints } from './hints-destination.ts';
import { endpointHints } from './hints-endpoints.ts';
import { sourceHints } from './hints-source.ts';
import type { Walk } from './walk.ts';

const SHOWN = 5;

/**
 * Objects that almost match the packet, and why they do not. Reads all objects, so it is for a single question, not for
 * thousands of packets.
 */
export function hintsOf(facts: HintFacts, walk: Walk): Hint[] {
  return [...destinationHints(facts, walk), ...endpointHints(facts, walk), ...sourceHints(facts, walk)].slice(
    0,
    SHOWN,
  );
}
