import type { StateStoreName } from '../observe/observations.ts';
import type { StoreOutcome } from '../status/store-outcome.ts';
import type { AgentFacts } from './companion.ts';

/** Has metrics tell what comes of keeping the state in a store that is in use. */
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
