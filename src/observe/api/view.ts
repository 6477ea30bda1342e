import type { PacketQuestion } from '../../forms/questions.ts';
import type { Status } from '../../forms/status.ts';
import type { FlowAnswer, Line, WalkJson } from '../../forms/walk.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { Findings } from '../findings.ts';
import type { HealthFacts } from '../health.ts';
import type { Observations } from '../observations.ts';

/** What the API asks of the agent. */
export interface AgentView {
  status(): Status;
  health(): HealthFacts;
  /** Whole seconds for which the agent has read its source without having a plan; null once there is one. */
  reading(): number | null;
  /** Read-only. */
  readonly plan: NatPlan;
  readonly findings: Findings;
  readonly observations: Observations;
  /** Milliseconds since the epoch. */
  now(): number;
  /** What happens to the packet, as `knat explain -o json` prints it. Throws InvalidQuery. */
  explain(packet: PacketQuestion): Promise<WalkJson>;
  /** The same as lines for a terminal. */
  describe(packet: PacketQuestion): Promise<readonly Line[]>;
  /** The answers to a list of flows, as `knat explain --flows FILE -o json` prints them. */
  flows(flows: unknown): readonly FlowAnswer[];
}
