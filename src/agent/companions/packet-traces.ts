import type { AgentFacts, Companion } from '../companion.ts';
import { PacketTraces } from '../packet-traces.ts';

/** Real packets, step by step, for the API. docs/trace.md. */
export function packetTraces(agent: AgentFacts): Companion {
  const traces = new PacketTraces(agent);
  return {
    name: 'packet traces',
    routes: (app, routes, { answerLines }) =>
      answerLines(app, routes.trace, (question, signal) => traces.trace(question, signal)),
  };
}
