import type { HealthFacts } from '../observe/health.ts';
import { serveHealth } from '../observe/health-server.ts';
import type { ListenAddress } from '../observe/listening.ts';
import type { AgentSurroundings } from './companion.ts';

/**
 * Answers health before there is an agent, where something has to be asked of a cluster first: alive, and not ready. Runs
 * until the signal aborts. An address that cannot be had is left to the agent, which tells of it.
 */
export async function serveStartingHealth(
  address: ListenAddress,
  { wallClock, sleep }: Pick<AgentSurroundings, 'wallClock' | 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  const facts = (): HealthFacts => ({
    now: wallClock().getTime(),
    synced: false,
    programmedAt: null,
    failingSince: null,
    convergingSince: null,
    nodeEligible: true,
  });
  await serveHealth(address, facts, { listening: () => {}, refused: () => {} }, sleep, signal);
}
