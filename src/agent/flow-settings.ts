import type { PortCapacity } from '../flows/port-usage.ts';

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
