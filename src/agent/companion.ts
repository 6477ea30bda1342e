import type { Report } from '../datapath/datapath.ts';
import type { Problem } from '../model/problem.ts';
import type { HealthFacts } from '../observe/health.ts';
import type { Logger } from '../observe/logger.ts';
import type { AgentStatus } from '../observe/status.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { Planner } from '../plan/planner.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import type { PlanSettings } from './settings.ts';

/** What the agent and its companions need of the outside. */
export interface AgentSurroundings extends LoopSurroundings {
  wallClock(): Date;
}

/** What the datapath did, and the plan that is in force now. */
export interface Outcome {
  readonly report: Report;
  readonly plan: NatPlan;
  /** From the start of the attempt to the acknowledgement of the kernel. */
  readonly milliseconds: number;
}

/**
 * Works beside NAT: serves health, tells the cluster, cleans conntrack. The agent knows none by name, and an error in
 * one never ends NAT: it is logged, and the others go on.
 */
export interface Companion {
  /** What stands still when it fails, for the log: `health`. */
  readonly name: string;
  /** Runs until the signal aborts. Called once, when the agent may work here and before the source has anything. */
  run?(signal: AbortSignal): Promise<void>;
  /** The kernel matches the plan. Called in the loop of NAT: what takes long belongs into `run`. */
  converged?(outcome: Outcome): void;
  /** Something in the status changed: a problem of an object, a failure, what is programmed. As quick as `converged`. */
  changed?(): void;
}

/** What companions may know and ask of the agent. */
export interface AgentFacts {
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  /** Objects, facts of the node, and the plan: to read, never to change. */
  readonly planner: Planner;
  /** Revision of the plan that the datapath last reported as done; null before the first. */
  readonly reportedRevision: number | null;
  status(): AgentStatus;
  health(): HealthFacts;
  /** What is wrong with what the source gave, without the troubles of companions. */
  sourceProblems(): readonly Problem[];
  /** Shows what goes wrong beside NAT, in log and status, under its code; null: nothing any longer. */
  sideProblem(code: string, message: string | null): void;
}

export type CompanionFactory = (agent: AgentFacts) => Companion;
