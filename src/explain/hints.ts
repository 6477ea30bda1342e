import type { EndpointSliceFact } from '../model/endpoint-slice.ts';
import type { FactTypes } from '../model/facts.ts';
import type { NodeFacts } from '../model/node.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { Hint } from './hint.ts';
import { destinationHints } from './hints-destination.ts';
import { endpointHints } from './hints-endpoints.ts';
import { sourceHints } from './hints-source.ts';
import type { Walk } from './walk.ts';

/** What hints are looked for in: the facts that the plan was made of. */
export interface HintFacts {
  readonly plan: NatPlan;
  readonly node: NodeFacts;
  readonly enable: PlanOptions['enable'];
  readonly services: ReadonlyMap<string, FactTypes['Service']>;
  readonly pods: ReadonlyMap<string, FactTypes['Pod']>;
  readonly nodes: ReadonlyMap<string, FactTypes['Node']>;
  slicesOf(service: string): readonly EndpointSliceFact[];
}

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
