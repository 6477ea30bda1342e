import { AgentRunning } from '../observe/api.ts';
import { NamespaceLock } from '../wire/nflog/namespace-lock.ts';

/**
 * Takes the lock of this network namespace, which no unprivileged process can take. Throws AgentRunning. Where the kernel
 * has no such lock, the agent's socket alone tells of another agent, as it tells of agents of versions without a lock;
 * without rights nothing can be done here anyway, and the datapath says why.
 */
export function lockNamespace(): { release(): void } {
  const outcome = NamespaceLock.take();
  if (outcome === 'held') throw new AgentRunning();
  return typeof outcome === 'string' ? { release: () => {} } : outcome;
}
