import type { Report } from '../datapath/datapath.ts';
import type { Status } from '../forms/status.ts';
import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Api } from '../observe/api/route.ts';
import type { Routes } from '../observe/api/routes.ts';
import type { AgentView } from '../observe/api/view.ts';
import type { Findings } from '../observe/findings.ts';
import type { HealthFacts } from '../observe/health.ts';
import type { Logger } from '../observe/logger.ts';
import type { Observations } from '../observe/observations.ts';
import type { NatPlan } from '../plan/nat-plan.ts';
import type { Planner } from '../plan/planner.ts';
import type { LoopSurroundings } from './converge-loop.ts';
import type { PlanSettings } from './settings.ts';

/** What the agent and its companions need from outside. */
export interface AgentSurroundings extends LoopSurroundings {
  wallClock(): Date;
}

/** The plan that is in force now, and what the datapath did for it. */
export interface PlanInForce {
  readonly plan: NatPlan;
  /** Keys whose entry may have changed since the plan that was in force before; null: look at all. */
  readonly changed: ReadonlySet<string> | null;
  readonly report: Report;
  /** Some objects could not be read since the start: elements that no entry claims stay as an earlier agent made them. */
  readonly keepsUnclaimed?: boolean;
  /** From the start of the attempt to the acknowledgement of the kernel. */
  readonly milliseconds: number;
}

/**
 * Does something beside NAT: serves health, reports to the cluster, deletes stale flows. The agent knows no companion by
 * name. An error in one is logged; NAT and the other companions continue.
 */
export interface Companion {
  /** What does not work when it fails, for the log: `health`. */
  readonly name: string;
  /** What it adds to the API, below `/api/v1`. */
  readonly routes?: Routes;
  /**
   * Runs until the signal aborts. Called once, first of all: before the agent knows whether it may work here, and before
   * anything that takes long. For questions that must be answered during that time.
   */
  serve?(signal: AbortSignal): Promise<void>;
  /** Runs until the signal aborts. Called once, when the agent may work here, before the source has delivered anything. */
  run?(signal: AbortSignal): Promise<void>;
  /**
   * Runs once our rules are in force, for example to remove another program's rules: when the kernel matches for the
   * first time. `once` waits for it.
   */
  inForce?(signal: AbortSignal): Promise<void>;
  /** The source has delivered everything that existed at the start; once. */
  synced?(): void;
  /** The source delivered these values; called in the loop of NAT, before they are planned. */
  delivered?(changes: readonly FactChange[]): void;
  /** Reading a part of the source failed and is begun again. */
  interrupted?(what: string): void;
  /** New findings, except those of the plan. */
  found?(findings: readonly Finding[]): void;
  /** Another program changed our tables; the next attempt repairs them. */
  disturbed?(what: string): void;
  /** An attempt to make the kernel match begins, with everything that was delivered so far. */
  converging?(): void;
  /** The attempt failed; it is made again. */
  failed?(failure: { readonly message: string; readonly milliseconds: number }): void;
  /** The kernel matches the plan. Called in the loop of NAT: what takes long belongs into `run`. */
  converged?(outcome: PlanInForce): void;
  /** Something in the status changed: a finding, a failure, what is programmed. As quick as `converged`. */
  changed?(): void;
}

/** What companions may read and ask of the agent. */
export interface AgentFacts {
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  /** Objects, facts of the node, and the plan: to read, never to change. */
  readonly planner: Planner;
  /** Metrics, recent activity and the history of programming. */
  readonly observations: Observations;
  /** What the API asks of this agent. */
  readonly view: AgentView;
  /** The API with the routes of all companions; there when companions run. */
  readonly api: Api;
  /** Revision of the plan that the datapath last reported as done; null before the first. */
  readonly reportedRevision: number | null;
  status(): Status;
  health(): HealthFacts;
  /** Everything that is wrong or worth knowing; companions add what they find. */
  readonly findings: Findings;
  /** Sets since when the rules of an earlier agent are known to be in the kernel; null: they are not. For health. */
  tookOver(since: number | null): void;
}

export type CompanionFactory = (agent: AgentFacts) => Companion;
