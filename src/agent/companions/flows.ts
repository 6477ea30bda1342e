import { flowsRoutes } from '../../observe/api/routes/flows.ts';
import { AttributionLog } from '../attribution-log.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { FlowFlusher } from '../flow-flusher.ts';
import { FlowLists } from '../flow-lists.ts';
import { FlowMemory } from '../flow-memory.ts';
import { PairLooks } from '../pair-looks.ts';
import { PortWatch, tellPorts } from '../port-watch.ts';
import type { FlowSettings } from '../settings.ts';

/**
 * Everything that reads conntrack for people: the flows of the API, the ports in use, the attribution log; and the end
 * of flows that a change of pools, rules or bindings concerns, as far as the policy says so. docs/flows.md.
 */
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
      routes: flowsRoutes({
        list: (question) => lists.list(question),
        watch: (question, signal) => lists.watch(question, signal),
        rates: (seconds) => lists.rates(seconds),
        pairs: (limit) => pairs.pairs(limit),
        ports: () => ports.sample,
        who: (question) => log.who(question),
      }),
    };
  };
}
