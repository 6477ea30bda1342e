import type { ListQuestion, MomentQuestion, PacketQuestion } from '../../forms/questions.ts';
import type { Status } from '../../forms/status.ts';
import type { Line, WalkJson } from '../../forms/walk.ts';
import type { NatPlan } from '../../plan/nat-plan.ts';
import type { Findings } from '../findings.ts';
import type { HealthFacts } from '../health.ts';
import type { Observations } from '../observations.ts';

export interface AgentView {
  status(): Status;
  health(): HealthFacts;
  /** Whole seconds of reading the source without a plan; null once there is a plan. */
  reading(): number | null;
  readonly plan: NatPlan;
  readonly findings: Findings;
  readonly observations: Observations;
  /** Milliseconds since the epoch. */
  now(): number;
  /** As `knat explain -o json` prints it. Throws InvalidQuery. */
  explain(packet: PacketQuestion & MomentQuestion): Promise<WalkJson>;
  /** As `explain`, in lines for a terminal. */
  describe(packet: PacketQuestion & ListQuestion & MomentQuestion): Promise<readonly Line[]>;
  /** Places that begin with the text; those that end with `/` are not complete. */
  places(text: string): readonly string[];
  /** As `knat explain --flows FILE -o json` prints them, in pieces. Throws InvalidQuery at once. */
  flows(flows: unknown): AsyncIterable<string>;
}
