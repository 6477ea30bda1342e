import type { AccessOptions } from '../kube-api/access.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { NodeConfig } from '../sources/objects/node-config.ts';
import type { Source } from '../sources/source.ts';

/** All that decides what an agent, or a look at manifests, works on. */
export interface PlanSettings {
  readonly nodeName: string;
  readonly nodeConfig: NodeConfig;
  readonly plan: PlanOptions;
  readonly source: Source;
  /** The cluster that the source reads, which is told of what was done; absent where the source is none. */
  readonly cluster?: AccessOptions;
}
