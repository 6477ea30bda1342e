import type { StateStoreName } from '../../observe/observations.ts';
import type { StoreOutcome } from '../../status/store-outcome.ts';
import { StatePublisher } from '../../status/stores/state-publisher.ts';
import type { StateStore, StoreChoice } from '../../status/stores/store.ts';
import type { AgentFacts, CompanionFactory } from '../companion.ts';
import { BindingsInForce } from './bindings-in-force.ts';

/** Publishes the bindings that the datapath reported as done, in a store outside the node. */
export function publishedState(kind: StoreChoice['kind'], store: StateStore): CompanionFactory {
  return (agent) => {
    const bindings = new BindingsInForce();
    const publisher = new StatePublisher({
      store,
      surroundings: agent.surroundings,
      bindings: () => (agent.planner.plan.revision === agent.reportedRevision ? bindings.list : null),
      trouble: (message) => agent.findings.trouble('KNAT_STATE_UNWRITTEN', message),
      outcome: storeOutcomes(agent, kind),
      debug: (line) => agent.logger.debug(line),
    });
    return {
      name: 'the state is not published',
      run: (signal) => publisher.run(signal),
      converged: (outcome) => {
        bindings.follow(outcome);
        publisher.changed();
      },
    };
  };
}

export function storeOutcomes(
  { observations, surroundings }: Pick<AgentFacts, 'observations' | 'surroundings'>,
  store: StateStoreName,
): (outcome: StoreOutcome) => void {
  const { metrics, storesHeldAt } = observations;
  storesHeldAt.set(store, 0);
  return (outcome) => {
    if (outcome === 'held') storesHeldAt.set(store, surroundings.wallClock().getTime());
    else {
      const name = outcome === 'written' ? 'knat_state_writes_total' : 'knat_state_failures_total';
      metrics.increment(name, { store });
    }
  };
}
