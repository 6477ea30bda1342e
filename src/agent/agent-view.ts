import { describeWalk } from '../explain/describe.ts';
import type { ExistingFlow } from '../explain/existing.ts';
import { walkJson } from '../explain/json.ts';
import type { Walk } from '../explain/walk.ts';
import type { PacketQuestion } from '../forms/questions.ts';
import type { AgentView } from '../observe/api/view.ts';
import type { AgentFacts } from './companion.ts';
import { existingFlows } from './existing-flows.ts';
import { answerFlows, explainQuery } from './explain-query.ts';

export function agentView(agent: Omit<AgentFacts, 'api' | 'view'>): AgentView {
  const { planner, observations, surroundings } = agent;
  const startedAt = surroundings.now();
  const seen = async <Answer>(
    query: PacketQuestion,
    say: (walk: Walk, existing: readonly ExistingFlow[] | null) => Answer,
  ): Promise<Answer> => {
    const walk = explainQuery(planner, query);
    // Null without rights or connection tracking.
    return say(walk, await existingFlows(walk.packet).catch(() => null));
  };
  return {
    status: () => agent.status(),
    health: () => agent.health(),
    reading: () => (planner.isPlanned ? null : Math.round((surroundings.now() - startedAt) / 1000)),
    plan: planner.plan,
    findings: agent.findings,
    observations,
    now: () => surroundings.wallClock().getTime(),
    explain: (query) => seen(query, walkJson),
    describe: (query) => seen(query, describeWalk),
    flows: (flows) => answerFlows(planner, flows),
  };
}
