import type { PlanOptions } from '../plan/options.ts';
import type { NodeConfig } from '../sources/objects/node-config.ts';
import type { Source } from '../sources/source.ts';

/** All that decides what an agent, or a look at manifests, works on. */
export interface PlanSettings {
  readonly nodeName: string;
  readonly nodeConfig: NodeConfig;
  readonly plan: PlanOptions;
  readonly source: Source;
}
