import type { PortCapacity } from '../flows/port-usage.ts';
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

/** What to do with flows that began before a change of pools, rules or bindings, and that the change concerns. */
export type EgressOnChange = 'keep' | 'flush';

/** Where the attribution log stands. */
export interface AttributionSettings {
  /** Null: in memory. */
  readonly file: string | null;
  /** At most so many bytes. */
  readonly limit: number;
}

/** What is done with flows beside looking at them. */
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
