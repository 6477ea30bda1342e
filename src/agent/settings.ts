import type { PortCapacity } from '../flows/port-usage.ts';
import type { AccessOptions } from '../kube-api/access.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { NodeConfig } from '../sources/objects/node-config.ts';
import type { Source } from '../sources/source.ts';

/** Everything that decides about the plan, for an agent or for a plan from manifests. */
export interface PlanSettings {
  readonly nodeName: string;
  readonly nodeConfig: NodeConfig;
  readonly plan: PlanOptions;
  readonly source: Source;
  /** The cluster that the source reads and that gets reports; absent if the source is no cluster. */
  readonly cluster?: AccessOptions;
}

/** What happens to existing flows that a change of pools, rules or bindings affects. */
export type EgressOnChange = 'keep' | 'flush';

/** Where the attribution log is kept. */
export interface AttributionSettings {
  /** Null: in memory. */
  readonly file: string | null;
  /** At most so many bytes. */
  readonly limit: number;
}

/** What is done with flows besides reading them. */
export interface FlowSettings {
  readonly egressOnChange: EgressOnChange;
  /** Null: no log is kept. */
  readonly attribution: AttributionSettings | null;
  /** How many source ports there are; absent: as the plan has it. */
  readonly portCapacity?: PortCapacity;
  /** Milliseconds between two looks at the ports in use; absent: 30 seconds. */
  readonly lookEvery?: number;
}

export const defaultFlowSettings: FlowSettings = { egressOnChange: 'keep', attribution: null };
