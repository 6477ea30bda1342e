import { type FormerPlan, FormerPlans } from '../flows/former-plans.ts';
import { FlowJudge } from '../flows/judge.ts';
import { Names } from '../flows/names.ts';
import type { AgentFacts, PlanInForce } from './companion.ts';

/** Names are made anew at most so often, in milliseconds: ten thousand Pods take some of them. */
const NAMES_KEPT = 500;

/** What is known of flows at any moment: the plan in force, what it was before, and who bears which address. */
export class FlowMemory {
  readonly #agent: AgentFacts;
  readonly #former = new FormerPlans();
  #names: Names | null = null;
  #namesAt = Number.NEGATIVE_INFINITY;
  #namesOld = true;

  constructor(agent: AgentFacts) {
    this.#agent = agent;
  }

  /** A plan is in force. True when it changed how flows that last are translated. */
  converged({ plan, changed }: PlanInForce): boolean {
    this.#namesOld = true;
    return this.#former.record(plan, changed);
  }

  /** For one look at the table. */
  judge(former: readonly FormerPlan[] = this.former()): FlowJudge {
    const { plan, node } = this.#agent.planner;
    return new FlowJudge({ plan, former, node });
  }

  /** What the plan was before its last changes, the latest first. */
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
