import { AttributionLog } from '../attribution-log.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { FlowFlusher } from '../flow-flusher.ts';
import { FlowLists } from '../flow-lists.ts';
import { FlowMemory } from '../flow-memory.ts';
import { PairLooks } from '../pair-looks.ts';
import { PortWatch, tellPorts } from '../port-watch.ts';
import type { FlowSettings } from '../settings.ts';

/** Flows for the API, ports in use, attribution log; if configured, ends affected flows. docs/flows.md. */
export function flowsForPeople(settings: FlowSettings): CompanionFactory {
  return (agent: AgentFacts) => {
    const memory = new FlowMemory(agent);
    const lists = new FlowLists(agent, memory);
    const pairs = new PairLooks(agent, memory);
    const ports = new PortWatch(agent, memory, settings);
    tellPorts(agent.observations.metrics, () => ports.sample);
    const log = new AttributionLog(agent, memory, settings.attribution);
    const flusher = new FlowFlusher(agent, memory, settings.egressOnChange);
    return {
      name: 'flows',
      run: async (signal) => {
        await Promise.all([ports.run(signal), log.run(signal), flusher.run(signal)]);
      },
      converged: (outcome) => {
        if (memory.converged(outcome)) flusher.changed();
        flusher.compared(outcome.report);
      },
      routes: (app, routes, { answer, answerLines }) => {
        answerLines(app, routes.flows, (question, signal) => lists.list(question, signal));
        answerLines(app, routes.watch, (question, signal) => lists.watch(question, signal));
        answer(app, routes.rates, ({ seconds }) => lists.rates(seconds));
        answer(app, routes.pairs, ({ limit }) => pairs.pairs(limit));
        answer(app, routes.ports, () => ports.sample);
        answer(app, routes.who, (question) => log.who(question));
      },
    };
  };
}
