import { describeWalk } from '../explain/describe.ts';
import { walkJson } from '../explain/json.ts';
import { placesFrom } from '../explain/place-names.ts';
import type { PacketQuestion } from '../forms/questions.ts';
import type { AgentView } from '../observe/api/view.ts';
import type { AgentFacts, PastAnswers } from './companion.ts';
import { existingFlows } from './existing-flows.ts';
import { answerPieces, explainQuery, explainSeen, validFlows } from './explain-query.ts';
import { noHistory } from './no-history.ts';
import { kernelJourney } from './other-rules.ts';

/** A person reads no more of them. */
const PLACES = 100;

/** @param past who answers about the past; null: nobody */
export function agentView(
  agent: Omit<AgentFacts, 'api' | 'view'>,
  past: () => PastAnswers | null,
): AgentView {
  const { planner, observations, surroundings } = agent;
  const startedAt = surroundings.now();
  // Null without rights or connection tracking.
  const seen = async (query: PacketQuestion) =>
    await explainSeen(
      planner,
      explainQuery(planner, query),
      (...asked) => existingFlows(...asked).catch(() => null),
      (asked) => kernelJourney(planner.plan, planner.heldNode, asked).catch(() => null),
    );
  return {
    status: () => agent.status(),
    health: () => agent.health(),
    reading: () => (planner.isPlanned ? null : Math.round((surroundings.now() - startedAt) / 1000)),
    plan: planner.plan,
    findings: agent.findings,
    observations,
    now: () => surroundings.wallClock().getTime(),
    explain: async ({ at, ...query }) => {
      if (at !== undefined) return await (past() ?? noHistory()).explain({ ...query, at });
      const { walk, existing, journey } = await seen(query);
      return walkJson(walk, existing, journey);
    },
    describe: async ({ all, at, ...query }) => {
      if (at !== undefined) {
        const lines = all === undefined ? {} : { all };
        return await (past() ?? noHistory()).describe({ ...query, ...lines, at });
      }
      const { walk, existing, journey } = await seen(query);
      return describeWalk(walk, existing, all !== undefined, journey);
    },
    places: (text) => placesFrom(text, planner, PLACES),
    flows: (flows) => answerPieces(planner, validFlows(flows)),
  };
}
