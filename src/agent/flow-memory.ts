import { type FormerPlan, FormerPlans } from '../flows/former-plans.ts';
import { FlowJudge } from '../flows/judge.ts';
import { Names } from '../flows/names.ts';
import type { AgentFacts, PlanInForce } from './companion.ts';

/** Least time between two makings of the names, in milliseconds: ten thousand Pods take some of them. */
const NAMES_KEPT = 500;

/** What is needed to judge flows: the plan in force, former plans, and the names of addresses. */
export class FlowMemory {
  readonly #agent: AgentFacts;
  readonly #former = new FormerPlans();
  #names: Names | null = null;
  #namesAt = Number.NEGATIVE_INFINITY;
  #namesOld = true;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  /** Takes over the plan in force. True when it translates existing flows differently. */
  converged({ plan, changed }: PlanInForce): boolean {
    this.#namesOld = true;
    return this.#former.record(plan, changed);
  }

  /** A judge for one reading of the table. */
  judge(former: readonly FormerPlan[] = this.former()): FlowJudge {
    const { plan, node } = this.#agent.planner;
    return new FlowJudge({ plan, former, node });
  }

  /** The plans before the last changes, the latest first. */
  former(): FormerPlan[] {
    return this.#former.before(this.#agent.planner.plan);
  }

  names(): Names {
    const now = this.#agent.surroundings.now();
    if (this.#names === null || (this.#namesOld && now - this.#namesAt >= NAMES_KEPT)) {
      this.#names = new Names(this.#agent.planner);
      this.#namesAt = now;
      this.#namesOld = false;
    }
    return this.#names;
  }
}
