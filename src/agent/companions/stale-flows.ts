import type { CompanionFactory } from '../companion.ts';
import { type StaleFlows, StaleFlowWork } from '../stale-flow-work.ts';

/**
 * After each change: clients of UDP that keep their source port, and whoever repeats a SYN or an INIT, must reach the
 * endpoints of now.
 */
export function staleFlows(flows: StaleFlows): CompanionFactory {
  return (agent) => {
    const work = new StaleFlowWork(agent, flows);
    return {
      name: 'stale flows',
      run: (signal) => work.run(signal),
      inForce: async (signal) => {
        await work.attempt(signal);
      },
      converged: (outcome) => work.converged(outcome),
    };
  };
}
