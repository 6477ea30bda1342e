import type { Report } from '../datapath/datapath.ts';
import type { PortOwner } from '../forms/flows.ts';
import type { ListQuestion, MomentQuestion, PacketQuestion } from '../forms/questions.ts';
import type { Status } from '../forms/status.ts';
import type { Line, WalkJson } from '../forms/walk.ts';
import type { FactChange } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { LocalAddress } from '../model/node.ts';
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
import type { OwnerQuestion } from './past.ts';
import type { PlanSettings } from './settings.ts';
import type { TakenPorts } from './taken-ports.ts';

export interface AgentSurroundings extends LoopSurroundings {
  wallClock(): Date;
}

export interface PlanInForce {
  readonly plan: NatPlan;
  /** Keys whose entry may have changed since the previous plan in force; null: any may have. */
  readonly changed: ReadonlySet<string> | null;
  readonly report: Report;
  /** Some objects have been unreadable since the start, so unclaimed elements of an earlier agent are kept. */
  readonly keepsUnclaimed?: boolean;
  /** From the start of the attempt to the kernel's acknowledgement. */
  readonly milliseconds: number;
}

/** Does something besides NAT. The agent knows no companion by name. An error in one does not stop the others. */
export interface Companion {
  /** What stops working when it fails, for the log: `health`. */
  readonly name: string;
  /** Routes that it adds below `/api/v1`. */
  readonly routes?: Routes;
  /**
   * Runs until the signal aborts. Called once, before everything else that takes long, so that questions are answered
   * from the start; the agent may still be refused here.
   */
  serve?(signal: AbortSignal): Promise<void>;
  /** Runs until the signal aborts. Called once, when the agent may work here, before the source delivers anything. */
  run?(signal: AbortSignal): Promise<void>;
  /** Called when the kernel first matches, for example to remove another program's rules. `once` waits for it. */
  inForce?(signal: AbortSignal): Promise<void>;
  /** Called once, when the source has delivered everything that existed at the start. */
  synced?(): void;
  /** Called in the loop of NAT, before the changes are planned. */
  delivered?(changes: readonly FactChange[]): void;
  /** Reading a part of the source failed and starts again. */
  interrupted?(what: string): void;
  /** Gets new findings, except those of the plan. */
  found?(findings: readonly Finding[]): void;
  /** Another program changed our tables; the next attempt repairs them. */
  disturbed?(what: string): void;
  /** An attempt to make the kernel match begins, with everything delivered so far. */
  converging?(): void;
  /** The attempt failed and will be repeated. */
  failed?(failure: { readonly message: string; readonly milliseconds: number }): void;
  /** The kernel matches the plan. Called in the loop of NAT: long work belongs in `run`. */
  converged?(outcome: PlanInForce): void;
  /** The status changed: a finding, a failure, what is programmed. Must be as quick as `converged`. */
  changed?(): void;
}

export interface HostFacts {
  readonly interfaces: readonly LocalAddress[];
  readonly taken: TakenPorts;
}

/** Answers from the history. Reject with InvalidQuery. */
export interface PastAnswers {
  explain(question: PacketQuestion & MomentQuestion): Promise<WalkJson>;
  describe(question: PacketQuestion & ListQuestion & MomentQuestion): Promise<readonly Line[]>;
  /** Who could use an address and port of the node. */
  owners(question: OwnerQuestion): Promise<readonly PortOwner[]>;
}

export interface AgentFacts {
  readonly settings: PlanSettings;
  readonly logger: Logger;
  readonly surroundings: AgentSurroundings;
  /** Objects, node facts and the plan; read-only. */
  readonly planner: Planner;
  /** What is known of this machine beside the objects. */
  host(): HostFacts;
  readonly observations: Observations;
  readonly view: AgentView;
  /** The API with the routes of all companions; defined when companions run. */
  /** Made at the first question. */
  api(): Promise<Api>;
  /** Revision of the plan that the datapath last reported as done; null before the first. */
  readonly reportedRevision: number | null;
  status(): Status;
  health(): HealthFacts;
  readonly findings: Findings;
  /** The loop makes the kernel match once more, although nothing changed. */
  attempt(): void;
  /** Who answers about the past; nobody does before. */
  answerPast(answers: PastAnswers): void;
  readonly past: PastAnswers | null;
  /** Since when an earlier agent's rules are known to be in the kernel, for health; null: they are not. */
  tookOver(since: number | null): void;
}

export type CompanionFactory = (agent: AgentFacts) => Companion;
