import { type FormerPlan, FormerPlans } from '../flows/former-plans.ts';
import { FlowJudge } from '../flows/judge.ts';
import { Names } from '../flows/names.ts';
import type { AgentFacts, PlanInForce } from './companion.ts';

/** Milliseconds for which names are reused: computing them for ten thousand Pods takes several. */
const NAMES_KEPT = 500;

/** Data for judging flows: the plan in force, former plans, and the names of addresses. */
export class FlowMemory {
  readonly #agent: AgentFacts;
  readonly #former = new FormerPlans();
  #names: Names | null = null;
  #namesAt = Number.NEGATIVE_INFINITY;
  #namesOld = true;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  /** True when the new plan translates existing flows differently. */
  converged({ plan, changed }: PlanInForce): boolean {
    this.#namesOld = true;
    return this.#former.record(plan, changed);
  }

  judge(former: readonly FormerPlan[] = this.former()): FlowJudge {
    const { plan, node } = this.#agent.planner;
    return new FlowJudge({ plan, former, node });
  }

  /** The latest first. */
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
