import type { PortCapacity } from '../flows/port-usage.ts';
import type { AccessOptions } from '../kube-api/access.ts';
import type { PlanOptions } from '../plan/options.ts';
import type { NodeConfig } from '../sources/objects/node-config.ts';
import type { Source } from '../sources/source.ts';

/** All settings that affect the plan, for an agent or for a plan from manifests. */
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

export interface AttributionSettings {
  /** Null: in memory. */
  readonly file: string | null;
  /** Maximum size in bytes. */
  readonly limit: number;
}

/** What happens to established connections whose endpoint is gone. */
export type OnEndpointGone = 'reset' | 'keep';

/** Handling of flows besides reading them. */
export interface FlowSettings {
  readonly egressOnChange: EgressOnChange;
  readonly onEndpointGone: OnEndpointGone;
  /** Null: no log. */
  readonly attribution: AttributionSettings | null;
  /** Number of source ports; absent: from the plan. */
  readonly portCapacity?: PortCapacity;
  /** Milliseconds between two looks at the ports in use; absent: 30 s. */
  readonly lookEvery?: number;
}

export const defaultFlowSettings: FlowSettings = {
  egressOnChange: 'keep',
  onEndpointGone: 'reset',
  attribution: null,
};
