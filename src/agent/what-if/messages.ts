import type { FactChange } from '../../model/facts.ts';
import type { LocalAddress } from '../../model/node.ts';
import type { PlanOptions } from '../../plan/options.ts';
import type { PodNatOptions } from '../../sources/objects/metadata.ts';
import type { NodeConfig } from '../../sources/objects/node-config.ts';
import type { TakenPorts } from '../taken-ports.ts';

/** Exact classes, or the bounded summary for people. */
export type AnswerShape = 'classes' | 'summary';

/** What an agent knows besides facts, and the question. */
export interface WhatIfStart {
  readonly kind: 'start';
  readonly nodeName: string;
  readonly nodeConfig: NodeConfig;
  readonly options: PlanOptions;
  readonly podNat: PodNatOptions;
  readonly interfaces: readonly LocalAddress[];
  readonly host: TakenPorts;
  readonly shape: AnswerShape;
  /** As it came: the process of the agent does not read it. */
  readonly question: Uint8Array;
  /** A larger answer is refused. */
  readonly mostClasses: number;
}

/** From the agent to the process that answers, in this order: start, facts as often as needed, end. */
export type WhatIfMessage =
  | WhatIfStart
  | { readonly kind: 'facts'; readonly changes: readonly FactChange[] }
  | { readonly kind: 'end' };

/** The first line of what the process writes; the answer follows if there is no failure. */
export interface WhatIfOutcome {
  readonly failure: {
    readonly code: string;
    readonly message: string;
    readonly details: readonly string[];
  } | null;
}
