import type { FlowAnswer } from '../../explain/answer.ts';
import type { WalkJson } from '../../explain/json.ts';
import type { Line } from '../../explain/lines.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { Findings } from '../findings.ts';
import type { HealthFacts } from '../health.ts';
import type { Observations } from '../observations.ts';
import type { AgentStatus } from '../status.ts';

/** What the API asks of the agent. */
export interface AgentView {
  status(): AgentStatus;
  health(): HealthFacts;
  /** Whole seconds for which the agent has read its source without having a plan; null once there is one. */
  reading(): number | null;
  /** To read, never to change. */
  readonly plan: NatPlan;
  readonly findings: Findings;
  readonly observations: Observations;
  /** Milliseconds since the epoch. */
  now(): number;
  /** What happens to the packet of the query's `from`, `to`, `proto` and `port`, as `knat explain -o json` prints it. */
  explain(query: Readonly<Record<string, string>>): Promise<WalkJson>;
  /** The same as lines for a terminal. */
  describe(query: Readonly<Record<string, string>>): Promise<readonly Line[]>;
  /** The answers to a list of flows, as `knat explain --flows FILE -o json` prints them. */
  flows(flows: unknown): readonly FlowAnswer[];
}
