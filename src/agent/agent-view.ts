import { describeWalk } from '../explain/describe.ts';
import { walkJson } from '../explain/json.ts';
import type { AgentView } from '../observe/api/view.ts';
import type { AgentFacts } from './companion.ts';
import { answerFlows, explainQuery } from './explain-query.ts';

/** The agent as its API sees it. */
export function agentView(agent: Omit<AgentFacts, 'api' | 'view'>): AgentView {
  const { planner, observations, surroundings } = agent;
  return {
    status: () => agent.status(),
    health: () => agent.health(),
    plan: planner.plan,
    observations,
    now: () => surroundings.wallClock().getTime(),
    explain: (query) => walkJson(explainQuery(planner, query)),
    describe: (query) => describeWalk(explainQuery(planner, query)),
    flows: (flows) => answerFlows(planner, flows),
  };
}
