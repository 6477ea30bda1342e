import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { AgentHistory, type HistorySettings } from '../history.ts';
import { noHistory } from '../no-history.ts';

/** Records what was in force, and answers about it. docs/history.md. */
export function history(settings: HistorySettings | null, version: string): CompanionFactory {
  return (agent: AgentFacts) => {
    if (settings === null) {
      return { name: 'history', routes: (app, routes, { answer }) => answer(app, routes.journal, noHistory) };
    }
    const kept = new AgentHistory(agent, settings, version);
    agent.answerPast(kept);
    const { recorder } = kept;
    return {
      name: 'history',
      run: (signal) => kept.run(signal),
      delivered: (changes) => recorder.delivered(changes),
      converging: () => recorder.converging(),
      converged: ({ report }) => kept.converged(report.isPartial === true),
      routes: (app, routes, { answer }) => answer(app, routes.journal, (question) => kept.entries(question)),
    };
  };
}
